"""What is changed of an application that sends: live limits, and word of what it could not send.

Of the limits see `wire.producer`.  Celery has no signal for a message that was not sent.
"""

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


def make_live(
    app: Celery, read: Callable[[], SizeLimits | None], tell: Callable[..., None]
) -> LimitsInForce:
    """Have `app` read both limits whenever it sends; an `app.amqp` there already is changed.

    When sending a task fails, `tell(name=…, message=…, error=…)` is called; the error goes on.
    """
    in_force = LimitsInForce(read)
    if "amqp" in vars(app):
        app.amqp.__class__ = _telling(type(app.amqp), tell)
        heed_limits(app.amqp, in_force)
    else:  # it is made at first use, perhaps long before the application is configured
        cls = _telling(symbol_by_name(cast(str, app.amqp_cls)), tell)
        vars(app)["amqp_cls"] = live_limits(cls, in_force)
    return in_force


def _telling(cls: type, tell: Callable[..., None]) -> type:
    """A subclass of Celery's `AMQP` (or an application's own) that tells of failed sending."""

    def get(amqp: Any) -> Callable[..., Any]:
        send = super(telling, amqp).send_task_message

        def sending(producer: Any, name: str, message: Any, **options: Any) -> Any:
            try:
                return send(producer, name, message, **options)
            except Exception as error:
                tell(name=name, message=message, error=error)
                raise

        return sending

    name, members = f"Telling{cls.__name__}", {"send_task_message": property(get)}
    telling: Any = type(name, (cls,), members)
    return cast(type, telling)
