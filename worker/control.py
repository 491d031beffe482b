"""Whether somebody asked a running scan to stop or to pause: read from Redis, twice a second.

The request also reaches the catalog, by the task `scan.control`; this is the quick way, so that
a batch does not go on for seconds after the click.
"""

from __future__ import annotations

import contextlib
import time
from typing import cast

from redis.exceptions import RedisError

from worker.catalog import scans
from worker.services import Services

INTERVAL_SECONDS = 0.5


class Control:
    """The requests for one scan, as one task sees them."""

    def __init__(self, services: Services, scan_id: str) -> None:
        self._redis, self._key = services.redis, services.keys.control(scan_id)
        self._asked_at = float("-inf")
        self._halt = False

    def halt(self) -> bool:
        """Whether to stop working on the scan, for now or for good."""
        now = time.monotonic()
        if now - self._asked_at >= INTERVAL_SECONDS:
            self._asked_at = now
            # While Redis is away the work goes on: the catalog is asked at the next batch.
            with contextlib.suppress(RedisError):
                self._halt = bool(self._redis.hlen(self._key))
        return self._halt


def obey(services: Services, scan_id: str) -> bool:
    """Carry out in the catalog what Redis says was asked of a scan; whether anything was.

    The task that carries a request may be late or lost: without this, work would be handed out
    and refused in turns until it comes.
    """
    key = services.keys.control(scan_id)
    asked = cast("dict[bytes, bytes]", services.redis.hgetall(key))
    requests = {field.decode(): actor.decode() for field, actor in asked.items()}
    if "stop" in requests:
        scans.request_stop(services.catalog, scan_id, requests["stop"])
    elif "pause" in requests:
        scans.request_pause(services.catalog, scan_id, requests["pause"])
    return bool(requests)
