"""Saying on the page that the catalog cannot be used: full disk, damaged file, database away.

It is said in Redis, because the catalog cannot be told; the next batch stored takes it back.
"""

from __future__ import annotations

import contextlib
from typing import Any

from celery.signals import task_failure
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from wire.keys import TROUBLE_TTL
from worker.services import Services

LENGTH = 300


def tell_troubles(services: Services) -> None:
    """Arrange that a task which fails at the catalog says why."""

    def tell(exception: BaseException | None = None, **_: Any) -> None:
        # Celery may hand on a parent class of the exception, without its cause.
        if isinstance(exception, SQLAlchemyError):
            say_trouble(services, str(getattr(exception, "orig", None) or exception))

    task_failure.connect(tell, weak=False)


def say_trouble(services: Services, why: str) -> None:
    """Show `why` until something is stored again, or for a minute."""
    with contextlib.suppress(RedisError):
        services.redis.set(services.keys.trouble, why[:LENGTH], ex=TROUBLE_TTL)


def take_back(services: Services) -> None:
    """Say that the catalog is well."""
    with contextlib.suppress(RedisError):
        services.redis.delete(services.keys.trouble)
