"""The one reader of Redis's streams, and the clock of the page.

1. One task and one connection read the streams for all browsers; ids are explicit.
2. On any doubt (start, error, other epoch, emptied or overrun stream) everything is read anew.
3. While Redis is away the last good data stay, with their time; the reader comes back by itself.
4. At most four versions a second while something changes, one a second otherwise, and none
   while nobody watches.
5. Nobody queues: who waits is woken for the newest version.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncIterator, Iterator, Sequence

from web.connection import REDIS_ERRORS, cause, connect, read_range, read_streams
from web.model import Model
from web.rates import POINT_SECONDS, POINTS
from web.snapshot import read_pulse, read_snapshot
from web.state import State
from wire.alerts import Alert
from wire.events import Scan
from wire.keys import EVENTS_LENGTH, Keys
from wire.roots import Root
from wire.sentences import Sentence

BLOCK_MS = 2000
#: Entries in one read; a full one means that we were away and may have missed some.
READ_COUNT = 500
REPLAY_COUNT = 200
TICK_SECONDS = 0.25
IDLE_TICK_SECONDS = 1.0
PULSE_SECONDS = 2.0
#: How long a page may wait for fresh data before it shows what is known.
FRESH_DEADLINE_SECONDS = 1.0
BACKOFF_SECONDS = (0.2, 5.0)

log = logging.getLogger(__name__)


class DoubtError(Exception):
    """What is known may be wrong: read everything again."""


class Hub:
    """Keeps a Model up to date and tells watchers when it changed."""

    def __init__(self, redis_url: str, keys: Keys, roots: Sequence[Root]) -> None:
        self._keys, self._roots = keys, roots
        self._reader_client, self._client = connect(redis_url), connect(redis_url)
        self._model = Model(roots)
        self._error = "Redis has not answered yet."
        self._fresh_at = 0.0
        self._doubt = ""
        self._pulse_at = 0.0
        self._late = False  #: the last reading of the pulse took too long
        self._pulse_lock = asyncio.Lock()
        self._version = 1
        self._changed = asyncio.Event()
        self._watched = asyncio.Event()
        self._watchers = 0
        self._published = asyncio.Event()

    @property
    def version(self) -> int:
        """Number of the newest published State."""
        return self._version

    def state(self) -> State:
        """What is known now."""
        fresh_at = self._fresh_at if self._error else time.time()
        return self._model.state(version=self._version, redis_error=self._error, fresh_at=fresh_at)

    async def fresh_state(self) -> State:
        """What is known now, with queue depths and folders at most 2 s old if Redis answers."""
        await self._refresh_pulse()
        return self.state()

    def take(self, scan: Scan) -> None:
        """Show a scan at once that this process has just started."""
        self._model.take_scan(scan)
        self._changed.set()

    def take_alerts(self, alerts: tuple[Alert, ...]) -> None:
        """Show these alerts from now on."""
        if alerts != self._model.alerts:
            self._model.alerts = alerts
            self._changed.set()

    def take_sizes(self, advice: Sentence | None) -> None:
        """Show this advice about sizes from now on."""
        if advice != self._model.sizes:
            self._model.sizes = advice
            self._changed.set()

    async def watched(self) -> None:
        """Wait until somebody looks at the live page."""
        await self._watched.wait()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """While at least one such block is entered, versions are published."""
        if not self._watchers:
            self._version += 1  # what was drawn for the last watcher may be old
        self._watchers += 1
        self._watched.set()
        try:
            yield
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._watched.clear()

    async def next_version(self) -> None:
        """Wait until another version is published."""
        await self._published.wait()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Read and publish while the block runs."""
        tasks = {asyncio.create_task(self._read()), asyncio.create_task(self._publish())}
        try:
            yield
        finally:
            while tasks:  # once is not enough: redis-py may swallow a cancellation
                for task in tasks:
                    task.cancel()
                _, tasks = await asyncio.wait(tasks, timeout=0.2)
            await self._reader_client.aclose()
            await self._client.aclose()

    async def _read(self) -> None:
        """Follow the streams for ever; errors and doubts begin it anew."""
        first, longest = BACKOFF_SECONDS
        backoff = first
        while True:
            try:
                position = await self._reload()
                backoff = first
                await self._follow(position)
            except DoubtError as doubt:
                log.info("reading everything again: %s", doubt)
            except Exception as error:  # whatever it is, the page must come back by itself
                self._lose(error)
                await asyncio.sleep(backoff * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
                backoff = min(backoff * 2, longest)

    async def _reload(self) -> dict[str, str]:
        """Replace what is known; returns where to read on."""
        self._doubt = ""
        snapshot = await read_snapshot(self._reader_client, self._keys, self._roots)
        await self._replay(snapshot.redis_at)
        self._model.replace(snapshot)
        self._pulse_at = time.monotonic()
        if self._error:
            log.info("Redis answers")
        self._error = ""
        self._changed.set()
        return {
            self._keys.events: snapshot.events_id,
            self._keys.activity: snapshot.activity_id,
        }

    async def _replay(self, redis_at: float) -> None:
        """Draw the curves of the last minutes again from what the stream still holds."""
        start = f"{int((redis_at - POINTS * POINT_SECONDS) * 1000)}-0"
        for _ in range(EVENTS_LENGTH // REPLAY_COUNT):
            entries = await read_range(self._reader_client, self._keys.events, start, REPLAY_COUNT)
            for entry_id, fields in entries:
                self._model.replay(fields, redis_at - int(entry_id.partition(b"-")[0]) / 1000)
            if len(entries) < REPLAY_COUNT:
                return
            start = f"({entries[-1][0].decode()}"

    async def _follow(self, position: dict[str, str]) -> None:
        """Apply entries as they come.  Raises DoubtError, or what redis-py raises."""
        while True:
            answer = await read_streams(
                self._reader_client, position, count=READ_COUNT, block_ms=BLOCK_MS
            )
            if self._doubt:
                raise DoubtError(self._doubt)
            for stream, entries in answer:
                if len(entries) == READ_COUNT:
                    raise DoubtError("many entries at once")
                for _, fields in entries:
                    if self._model.apply(fields):
                        self._changed.set()
                position[stream.decode()] = entries[-1][0].decode()

    def _lose(self, error: BaseException) -> None:
        if not isinstance(error, REDIS_ERRORS):
            log.error("unexpected while reading Redis", exc_info=error)
        if not self._error:
            self._fresh_at = time.time()
            log.warning("Redis is away: %s", cause(error))
        self._error = cause(error)
        self._changed.set()

    async def _refresh_pulse(self) -> None:
        """Read what no event tells, if that is 2 s old; a failure is told, not raised."""
        async with self._pulse_lock:
            if self._error or time.monotonic() - self._pulse_at < PULSE_SECONDS:
                return
            try:
                async with asyncio.timeout(FRESH_DEADLINE_SECONDS):
                    pulse = await read_pulse(
                        self._client, self._keys, self._roots, self._model.shown()
                    )
            except Exception as error:
                # Once may be the fault of this machine, which is busy.
                late, self._late = self._late, isinstance(error, TimeoutError)
                if late or not self._late:
                    self._doubt = "Redis was away"
                    self._lose(error)
                return
            self._late = False
            self._pulse_at = time.monotonic()
            if self._model.emptied(pulse):
                self._doubt = "Redis was emptied"
            elif pulse != self._model.pulse:
                self._model.pulse = pulse
                self._changed.set()

    async def _publish(self) -> None:
        """Number the versions that watchers wait for."""
        while True:
            await self._watched.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE_TICK_SECONDS):
                    await self._changed.wait()
            self._changed.clear()
            await self._refresh_pulse()
            self._version += 1
            woken, self._published = self._published, asyncio.Event()
            woken.set()
            await asyncio.sleep(TICK_SECONDS)
