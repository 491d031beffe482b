"""The limits of the reprs, live in every process of an application: see `wire.producer`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, cast

import redis
from celery import Celery
from kombu.utils.imports import symbol_by_name

from wire.keys import Keys
from wire.payloads import SizeLimits, read_limits
from wire.producer import LimitsInForce, heed_limits, live_limits
from worker.metrics.recorder import connect

#: A send may wait so long for the limits, at most, and only now and then.
SOCKET_SECONDS = 0.5


class LimitsReader:
    """`GET` of the limits, over a connection of each process's own."""

    def __init__(self, address: Callable[[], tuple[str, Keys]]) -> None:
        self._address = address
        self._owned: tuple[int, redis.Redis] | None = None

    def __call__(self) -> SizeLimits | None:
        """What Redis holds.  Raises what redis-py raises."""
        url, keys = self._address()
        if self._owned is None or self._owned[0] != os.getpid():
            self._owned = (os.getpid(), connect(url, SOCKET_SECONDS))
        raw: Any = self._owned[1].get(keys.size_limits)
        return read_limits(raw)


def make_live(app: Celery, read: Callable[[], SizeLimits | None]) -> LimitsInForce:
    """Have `app` read both limits whenever it sends; an `app.amqp` there already is changed."""
    in_force = LimitsInForce(read)
    if "amqp" in vars(app):
        heed_limits(app.amqp, in_force)
    else:  # it is made at first use, perhaps long before the application is configured
        vars(app)["amqp_cls"] = live_limits(symbol_by_name(cast(str, app.amqp_cls)), in_force)
    return in_force
