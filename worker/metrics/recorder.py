"""Counting in memory, and one flush a second, in whatever process this is.

1. What counts takes a lock for microseconds and does no I/O; a thread of this process flushes,
   started when something was counted, asleep when nothing was.
2. A forked process begins empty: what its parent has counted is the parent's to flush.
3. A flush that failed is sent again as it was, under its number: it is never counted twice.
4. Everything is bounded: what does not fit is dropped and counted.
"""

from __future__ import annotations

import atexit
import collections
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

import orjson
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from wire import keys as wire_keys
from wire.events import dump
from wire.keys import Keys
from wire.scripts import RECORD_METRICS
from wire.tasks import TaskRecord
from wire.transport import client_url
from worker.metrics.backlog import BACKLOG_MAX, Backlog
from worker.metrics.changes import changes
from worker.metrics.records import Records
from worker.metrics.tally import Tally

log = logging.getLogger(__name__)

FLUSH_SECONDS = 1.0
#: Seconds between two tries while Redis is away.
AWAY_SECONDS = 5.0
SOCKET_SECONDS = 3.0
#: What waits to be logged by the next flush.
SAYINGS_MAX = 20

T = TypeVar("T")


def connect(url: str, seconds: float = SOCKET_SECONDS) -> redis.Redis:
    """A client whose commands fail after `seconds` and are never repeated by the library."""
    return redis.Redis.from_url(
        client_url(url),
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        retry=Retry(NoBackoff(), 0),
    )


@dataclass(frozen=True, slots=True)
class _Flush:
    """One call of the script."""

    keys: list[str]
    arguments: list[Any]


def _is_refused(error: Exception) -> bool:
    """Whether Redis will refuse the same flush again: a damaged key, a forbidden command."""
    later = (redis.OutOfMemoryError, redis.ReadOnlyError)
    return isinstance(error, redis.ResponseError) and not isinstance(error, later)


def _written(record: TaskRecord) -> str:
    """JSON of a record: as `wire.events.dump` writes it, in a tenth of its time."""
    try:
        return orjson.dumps(record).decode()
    except TypeError:  # half a character, which only a forged message holds
        return dump(record)


def _plain(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


class Recorder:
    """The counting of one process; `with recorder as tally:` to change what it counted."""

    def __init__(self, address: Callable[[], tuple[str, Keys]], host: str, records: int) -> None:
        """`address` is asked at the first flush: Redis's URL and the keys there."""
        self._address, self.host, self._room = address, host, records
        #: Called before each flush, with the lock held.
        self.before_flush: list[Callable[[Tally], None]] = []
        self._backlogs: list[Backlog[Any]] = []
        self._client: redis.Redis | None = None
        self._record: Any = None
        self._begin()
        os.register_at_fork(after_in_child=self._begin)
        atexit.register(self.finish)

    def _begin(self) -> None:
        self._lock, self._flushing = threading.RLock(), threading.Lock()
        self._tally, self.records = Tally(), Records(self._room)
        for backlog in self._backlogs:
            backlog.items.clear()
        self._sayings: collections.deque[Callable[[], Iterable[str]]]
        self._sayings = collections.deque(maxlen=SAYINGS_MAX)
        self._wake, self._due = threading.Event(), False
        self._thread: threading.Thread | None = None
        self._process, self._number = secrets.token_hex(8), 0
        self._pending: _Flush | None = None
        self._client, self._record, self._away = None, None, False
        #: Spent in handlers since the last flush.
        self.handler_seconds = 0.0
        self._blamed = False

    def __enter__(self) -> Tally:
        self._lock.acquire()
        return self._tally

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lock.release()
        self.call_for_flush()

    def backlog(self, count: Callable[[Tally, list[T]], None]) -> Callable[[T], None]:
        """What appends to a new backlog, which is counted before each flush by `count`."""
        backlog = Backlog(count)
        self._backlogs.append(backlog)
        items = backlog.items

        def append(item: T) -> None:
            items.append(item)
            if len(items) >= BACKLOG_MAX:
                self._count(backlog)
            if not self._due:
                self.call_for_flush()

        return append

    @property
    def keys(self) -> Keys:
        """The keys of the metrics."""
        return self._address()[1]

    @property
    def client(self) -> redis.Redis:
        """This process's client.  Raises ValueError when there is no Redis to use."""
        if self._client is None:
            self._client = connect(self._address()[0])
        return self._client

    def blame(self, error: Exception) -> None:
        """A handler has failed: it is counted, and said once."""
        self.note(handler_errors=1)
        if not self._blamed:
            self._blamed = True
            log.error("a metric was not taken", exc_info=error)

    def say(self, lines: Callable[[], Iterable[str]]) -> None:
        """Have the thread make lines, and log them."""
        self._sayings.append(lines)
        self.call_for_flush()

    def call_for_flush(self) -> None:
        """Have the thread flush within a second."""
        if not self._due:
            self._due = True
            self._wake.set()
            if self._thread is None:
                self._start()

    def finish(self) -> None:
        """The last flush of a process that ends: never raises, one try."""
        try:
            self.flush()
        except Exception:
            log.exception("the last metrics of this process were not written")

    def flush(self) -> bool:
        """Bring everything to Redis now; False when it could not be reached."""
        began = time.thread_time()
        try:
            return self._flush()
        finally:
            self.note(flush_us=round((time.thread_time() - began) * 1e6))

    def _flush(self) -> bool:
        with self._flushing:
            while self._sayings:
                for line in self._sayings.popleft()():
                    log.info("%s", line)
            try:
                keys = self.keys
            except ValueError as error:  # there is no Redis to use
                self.say_away(error)
                return False
            if not self._send_pending():
                return False
            return not self._prepare(keys) or self._send_pending()

    def _prepare(self, keys: Keys) -> bool:
        """Make the next flush of what was counted; whether there is one."""
        self._due = False  # whoever looks may ask for one more flush
        with self._lock:
            for look in self.before_flush:
                look(self._tally)
            for backlog in self._backlogs:
                self._count(backlog)
            tally, self._tally = self._tally, Tally()
            records, dropped = self.records.take(), self.records.dropped
            self.records.dropped = 0
            spent, self.handler_seconds = self.handler_seconds, 0.0
        tally.recorder["handler_us"] += round(spent * 1e6)
        tally.recorder["dropped_records"] += dropped
        hashes = changes(tally, keys, self.host, time.time())
        if not hashes and not records:
            return False
        self._number += 1
        told = [
            (_plain(r.id), r.order, r.finished_at or r.started_at or r.sent_at or 0, _written(r))
            for r in records
        ]
        self._pending = _Flush(
            [keys.metrics_flushed(self._process), keys.metrics_hosts, keys.recent,
             keys.recent_tasks, *(hash_.key for hash_ in hashes)],
            [self._number, self.host, orjson.dumps([hash_.change() for hash_ in hashes]),
             orjson.dumps(told), wire_keys.METRIC_FIELDS, wire_keys.RECENT_TASKS,
             wire_keys.FLUSHED_TTL, wire_keys.HOST_TTL, wire_keys.RECENT_TTL],
        )  # fmt: skip
        return True

    def _count(self, backlog: Backlog[Any]) -> None:
        try:
            with self._lock:
                backlog.count(self._tally)
        except Exception as error:
            self.blame(error)

    def _send_pending(self) -> bool:
        if self._pending is None:
            return True
        try:
            record: Any = self._record or self.client.register_script(RECORD_METRICS)
            self._record = record
            refused = int(record(keys=self._pending.keys, args=self._pending.arguments))
        except (redis.RedisError, OSError, ValueError) as error:
            self.say_away(error)
            if not _is_refused(error):
                return False
            self._pending = None
            self.note(dropped_flushes=1)
            return True
        if self._away:
            log.info("metrics are written again")
        self._away, self._pending = False, None
        self.note(flushes=1, dropped_fields=max(0, refused))
        return True

    def say_away(self, error: Exception) -> None:
        """Log that Redis cannot be used: once, until a flush succeeds."""
        if not self._away:
            log.warning("metrics are not written, tasks go on: %s", error)
        self._away = True

    def note(self, **counts: int) -> None:
        """Count what the recorder itself does, without asking for a flush because of it."""
        with self._lock:
            for what, count in counts.items():
                if count:
                    self._tally.recorder[what] += count

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="needle-metrics", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the interpreter ends: the flush at exit remains
            log.debug("no thread can be started any more")

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            time.sleep(FLUSH_SECONDS)
            try:
                while not self.flush():
                    time.sleep(AWAY_SECONDS)
            except Exception:  # counting goes on whatever happens to one flush
                log.exception("metrics were not written")
