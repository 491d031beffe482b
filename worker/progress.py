"""Telling Redis how a scan goes.  Never raises into a task; says once when Redis is away.

Numbers are read from the catalog after the commit and are absolute, so a publish may be lost,
repeated or late; the script keeps the newest revision.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, cast

import redis

from wire import keys as wire_keys
from wire.answers import Overview
from wire.events import Activity, Problem, RootStatus, Scan, ScanAt, dump, encode
from wire.keys import Keys
from wire.scripts import PUBLISH_SCAN, publish_arguments
from wire.text import display_path

log = logging.getLogger(__name__)

#: Seconds between two publishes of one scan by one process; a change of state is never held back.
INTERVAL_SECONDS = 0.25
#: Seconds between two "now at this file" of one process.
AT_INTERVAL_SECONDS = 0.5


class Progress:
    """The publisher of one process."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._redis, self._keys = client, keys
        self._publish = client.register_script(PUBLISH_SCAN)
        self._last_scan: dict[str, float] = {}
        self._last_at = 0.0
        self._away = False

    def is_due(self, scan_id: str) -> bool:
        """Whether the scan's last publish by this process is long enough ago."""
        return time.monotonic() - self._last_scan.get(scan_id, -1e9) >= INTERVAL_SECONDS

    def scan(self, scan: Scan) -> None:
        """Publish a scan."""
        self._last_scan = {scan.id: time.monotonic()}
        keys, arguments = publish_arguments(self._keys, scan)
        self._safely(lambda: self._publish(keys=keys, args=arguments))

    def at(self, scan_id: str, stage: str, path: bytes) -> None:
        """Say which file or folder is being worked on, at most twice a second."""
        now = time.monotonic()
        if now - self._last_at < AT_INTERVAL_SECONDS:
            return
        self._last_at = now
        event = ScanAt(scan_id=scan_id, stage=stage, path=display_path(path), at=time.time())
        self._add(self._keys.events, encode(event), wire_keys.EVENTS_LENGTH)

    def activity(self, action: str, actor: str, **fields: str) -> None:
        """Add a line to the list of who did what."""
        event = Activity(at=time.time(), actor=actor, action=action, **fields)
        self._add(self._keys.activity, encode(event), wire_keys.ACTIVITY_LENGTH)

    def problems(self, scan_id: str, problems: Iterable[Problem]) -> None:
        """Add problems of a scan; one that is there already is not added twice."""
        members = [(dump(problem), problem.id) for problem in problems]
        key = self._keys.problems(scan_id)

        def add() -> None:
            room = wire_keys.PROBLEMS_KEPT - self._redis.zcard(key)
            if members and room > 0:
                self._redis.zadd(key, cast(Any, dict(members[:room])))

        self._safely(add)

    def last_problem_id(self, scan_id: str) -> int:
        """The id of the latest problem that Redis has of a scan, 0 for none."""
        found: list[float] = []

        def ask() -> None:
            newest = self._redis.zrange(self._keys.problems(scan_id), -1, -1, withscores=True)
            found.extend(score for _, score in cast("list[tuple[bytes, float]]", newest))

        self._safely(ask)
        return int(found[0]) if found else 0

    def root(self, status: RootStatus) -> None:
        """Say how a music folder is."""
        fields = {status.id: dump(status)}
        self._safely(lambda: self._redis.hset(self._keys.roots, mapping=cast(Any, fields)))

    def overview(self, overview: Overview) -> None:
        """Say what is in the catalog."""
        self._safely(lambda: self._redis.set(self._keys.overview, dump(overview)))

    def _add(self, stream: str, entry: Any, length: int) -> None:
        self._safely(lambda: self._redis.xadd(stream, entry, maxlen=length, approximate=True))

    def _safely(self, action: Callable[[], object]) -> None:
        try:
            action()
        except redis.RedisError as error:
            if not self._away:
                log.warning("Redis is away, progress is not shown: %s", error)
            self._away = True
        else:
            if self._away:
                log.info("Redis is back")
            self._away = False
