"""Sending tasks by name: a Celery application that only produces.

A publish runs in a thread, because a Redis that hangs would block the page, and ends at a
deadline.  It may still arrive later, so every task is idempotent by its scan.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import redis
from celery import Celery
from redis.backoff import NoBackoff
from redis.retry import Retry

from wire.keys import Keys
from wire.payloads import SizeLimits, read_limits
from wire.producer import LimitsInForce, heed_limits, stamp
from wire.transport import celery_settings, client_url

DEADLINE_SECONDS = 5.0
#: What a publish may wait for the limits of its reprs; without them it keeps the last ones.
LIMITS_DEADLINE_SECONDS = 0.5

log = logging.getLogger(__name__)


class DispatchError(Exception):
    """A task could not be handed to Redis within the deadline."""


class Dispatcher:
    """Sends tasks to the workers of one Redis, stamped as `wire.producer` says."""

    def __init__(self, redis_url: str, keys: Keys | None = None) -> None:
        self._celery = Celery("needle-web", set_as_current=False, fixups=[])
        self._celery.conf.update(celery_settings(redis_url))
        # Else kombu tries to connect for ever: long after the deadline the task would be sent.
        self._celery.conf.broker_transport_options |= {"max_retries": 0}
        self._redis = redis.Redis.from_url(
            client_url(redis_url),
            socket_timeout=LIMITS_DEADLINE_SECONDS,
            socket_connect_timeout=LIMITS_DEADLINE_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._limits_key = (keys or Keys()).size_limits
        heed_limits(self._celery.amqp, LimitsInForce(self._read_limits))
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="dispatch")

    async def send(
        self, task: str, *, expires_seconds: float | None = None, **arguments: str | float
    ) -> None:
        """Send `task` with keyword arguments; a worker that has it later leaves it undone.

        Raises:
            DispatchError: Redis did not take it in time, or refused it.
        """
        await self._in_thread(task, self._publish, task, arguments, expires_seconds)

    async def revoke(self, task_id: str, *, terminate: bool) -> None:
        """Tell all workers to leave a task undone, or to end it; none of them answers.

        Raises:
            DispatchError: Redis did not take it in time, or refused it.
        """
        await self._in_thread("a revoke", self._broadcast_revoke, task_id, terminate)

    def close(self) -> None:
        """Let go of the threads without waiting for one that hangs."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._redis.close()

    async def _in_thread(self, what: str, work: Callable[..., None], *arguments: object) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                await loop.run_in_executor(self._threads, work, *arguments)
        except Exception as error:  # kombu lets errors of many libraries through
            log.warning("%s was not sent: %r", what, error)
            raise DispatchError("Redis did not take the task. Is it running?") from error

    def _broadcast_revoke(self, task_id: str, terminate: bool) -> None:
        with self._celery.connection_for_write() as connection:
            self._celery.control.revoke(
                task_id, terminate=terminate, connection=connection, reply=False
            )

    def _publish(
        self, task: str, arguments: dict[str, str | float], expires_seconds: float | None
    ) -> None:
        headers: dict[str, Any] = {}
        stamp(headers, self._celery.amqp)
        # A connection of its own: publishes are rare, and a kept one may have died meanwhile.
        with self._celery.connection_for_write() as connection:
            self._celery.send_task(
                task,
                kwargs=arguments,
                headers=headers,
                expires=expires_seconds,
                connection=connection,
                retry=False,
            )

    def _read_limits(self) -> SizeLimits | None:
        return read_limits(cast("bytes | None", self._redis.get(self._limits_key)))
