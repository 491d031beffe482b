"""What is known of workers, queues and tasks: asked for by Prometheus, the API and the health.

Workers come from the hub, which hears their beats; what they counted is read when it is asked
for, and kept for a moment, so that a page full of questions reads Redis once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from redis.asyncio import Redis

from web.connection import cause
from web.hub import Hub
from web.metrics.exporter import hostname
from web.metrics.measured import HOSTS_MAX, OTHER_QUEUES_MAX, Depth, Measured, read_measured
from web.state import State
from wire.fields import LABEL_CHARS
from wire.keys import Keys
from wire.metrics import HostTotals
from wire.names import QUEUE_NAMES

#: Seconds that a reading is new enough for the next question.
FRESH_SECONDS = 1.0
DEADLINE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything at one moment.  Without `measured`, `error` says why in a plain sentence."""

    state: State
    measured: Measured | None = None
    hosts: Mapping[str, HostTotals] = field(default_factory=dict)  #: see `HostMemory`
    error: str = ""


class HostMemory:
    """Counters of workers by `name@host`, which never fall while their host is there.

    Of a worker that is gone while another one of its host works on, the last counters stay:
    Prometheus sees their sum, and would take a sum that falls for a restart.
    """

    def __init__(self) -> None:
        self._known: dict[str, HostTotals] = {}

    def update(self, hosts: Mapping[str, HostTotals]) -> Mapping[str, HostTotals]:
        """Those that are there, and those that stay for the sake of their host."""
        there = {hostname(name) for name in hosts}
        kept = {n: t for n, t in self._known.items() if n not in hosts and hostname(n) in there}
        excess = len(kept) - HOSTS_MAX
        for name in list(kept)[: max(0, excess)]:
            del kept[name]
        self._known = kept | dict(hosts)
        return self._known


class Monitor:
    """Reads what was counted in one Redis."""

    def __init__(self, client: Redis, keys: Keys, hub: Hub) -> None:
        self._client, self._keys, self._hub = client, keys, hub
        self._memory = HostMemory()
        self._queues: dict[str, None] = {}  # of other applications, in the order they were seen
        self._lock = asyncio.Lock()
        self._reading: Reading | None = None
        self._read_at = float("-inf")

    async def read(self, depth: Depth = Depth.ALL) -> Reading:
        """What is known now down to `depth`, or deeper, at most `FRESH_SECONDS` old.

        Redis being away is told, not raised.
        """
        async with self._lock:
            known = self._reading
            is_fresh = time.monotonic() - self._read_at <= FRESH_SECONDS
            # That Redis is away is not kept: it may be back, or away for another reason.
            if not (known and known.measured and known.measured.depth >= depth and is_fresh):
                known = self._reading = await self._read(depth)
                self._read_at = time.monotonic()
            return known

    async def _read(self, depth: Depth) -> Reading:
        state = await self._hub.fresh_state()
        if not state.redis_ok:
            return Reading(state, error=state.redis_error)
        queues = self._queue_names(state)
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                measured = await read_measured(self._client, self._keys, queues, depth)
        except Exception as error:  # whatever it is, it is told
            return Reading(state, error=cause(error))
        hosts = self._memory.update(measured.hosts) if depth is Depth.ALL else {}
        return Reading(state, measured, hosts)

    def _queue_names(self, state: State) -> tuple[str, ...]:
        """Needle's queues, and those that workers of other applications were seen to take from."""
        for worker in state.workers:
            for name in worker.beat.queues:
                if (
                    name not in QUEUE_NAMES
                    and 0 < len(name) <= LABEL_CHARS
                    and name.isprintable()
                    and len(self._queues) < OTHER_QUEUES_MAX
                ):
                    self._queues[name] = None
        return (*QUEUE_NAMES, *self._queues)
