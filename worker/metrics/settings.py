"""Where metrics go: what `install` was given, else the environment, else the broker."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache

from celery import Celery

from wire.keys import Keys
from wire.settings import SHARED, read

_URL, _PREFIX = SHARED[:2]


def is_redis(url: str) -> bool:
    """Whether `url` is the address of a Redis."""
    return url.startswith(("redis://", "rediss://", "redis+socket://", "unix://"))


def address_of(
    app: Celery, redis_url: str | None, key_prefix: str | None
) -> Callable[[], tuple[str, Keys]]:
    """Asked when it is first needed, because an application may be configured after `install`.

    The answer is Redis's URL and the keys; it raises ValueError when there is no Redis to use.
    """

    @cache
    def address() -> tuple[str, Keys]:
        prefix = key_prefix or read(_PREFIX)
        named = redis_url or (read(_URL) if _is_named() else "")
        url = named or str(app.conf.broker_url or "")
        if not is_redis(url):
            raise ValueError(
                "metrics need a Redis: give install(app, redis_url=…) one, or set NEEDLE_REDIS_URL"
            )
        return url, Keys(prefix)

    return address


def _is_named() -> bool:
    """Whether the environment names a Redis; the setting's default is no reason to use it."""
    return bool({_URL.name, _URL.name + "_FILE"} & os.environ.keys())
