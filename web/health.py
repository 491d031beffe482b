"""Whether workers, queues and Redis are well: a verdict with its reasons, worst first.  No I/O.

A worker that beats may still do nothing: its main process answers while every process of its pool
hangs.  What tells is that all of them have been busy for long and none has finished anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from web.metrics.measured import Measured, QueueMeasures
from web.metrics.monitor import Reading
from web.state import State
from wire.events import WorkerBeat
from wire.sentences import Sentence
from wire.transport import LONGEST_HARD_LIMIT_SECONDS

#: Messages that wait in a queue, and how many more there are a second.
DEPTH_MAX = 1_000
GROWTH_MAX = 10.0
#: Growth is told from this many messages on.
GROWTH_FROM = 100
#: Seconds that a message may wait.
OLDEST_SECONDS = 600.0
#: Seconds without an end of any task in a pool that is wholly busy, by what it does meanwhile:
#: nothing at all, work while others wait, work.
WEDGED_IDLE_SECONDS = 120.0
WEDGED_SECONDS = 600.0
IDLE_CPU_PERCENT = 1.0


class Health(StrEnum):
    """How it is, worst last."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"  #: work goes on, and something should be looked at
    UNHEALTHY = "unhealthy"  #: no work is done


#: Every sentence, for the translations.
REDIS_AWAY = "Redis cannot be used. %(cause)s"
NO_WORKER = "No worker is running."
NOTHING_REGISTERED = "%(worker)s knows no task."
SILENT = "%(worker)s is silent."
WEDGED = (
    "%(worker)s answers, but its whole pool (%(processes)s) has been busy for %(busy_seconds)s "
    "and has finished no task."
)
CATALOG = "The catalog cannot be used. %(cause)s"
NO_CONSUMER = "No worker takes from %(queue)s. Messages that wait there: %(messages)s."
DEEP = "Messages that wait in %(queue)s: %(messages)s."
GROWING = "%(queue)s grows. Messages more each second: %(messages)s."
OLD = "A message has been waiting in %(queue)s for %(oldest_seconds)s."
UNACKED = "A message was handed out %(oldest_seconds)s ago and was never acknowledged."
ALL_WELL = "All systems operational"
SENTENCES = (
    REDIS_AWAY, NO_WORKER, NOTHING_REGISTERED, SILENT, WEDGED, CATALOG, NO_CONSUMER, DEEP,
    GROWING, OLD, UNACKED, ALL_WELL,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reason:
    """Why it is not well."""

    code: str  #: for programs
    health: Health
    said: Sentence


@dataclass(frozen=True, slots=True)
class Verdict:
    """How everything is."""

    health: Health
    reasons: tuple[Reason, ...] = ()  #: worst first
    workers: int = 0  #: those that beat
    broker_connected: bool = True

    @property
    def message(self) -> Sentence:
        """The worst reason, or that all is well."""
        return self.reasons[0].said if self.reasons else Sentence(ALL_WELL)


def verdict(reading: Reading) -> Verdict:
    """How everything is."""
    state, measured = reading.state, reading.measured
    if measured is None:
        return _verdict([_redis(reading.error)], workers=0, connected=False)
    reasons = [*_redis_reasons(state), *_worker_reasons(state, measured)]
    reasons += _queue_reasons(state, measured)
    beating = sum(not worker.silent for worker in state.workers)
    return _verdict(reasons, workers=beating, connected=True)


def _verdict(reasons: Iterable[Reason], *, workers: int, connected: bool) -> Verdict:
    order = list(Health)
    worst_first = sorted(reasons, key=lambda reason: -order.index(reason.health))
    health = worst_first[0].health if worst_first else Health.HEALTHY
    return Verdict(health, tuple(worst_first), workers, connected)


def _redis(cause: str) -> Reason:
    return Reason("redis", Health.UNHEALTHY, Sentence(REDIS_AWAY, {"cause": Sentence(cause)}))


def _redis_reasons(state: State) -> Iterator[Reason]:
    if state.redis_error:
        yield _redis(state.redis_error)
    if state.catalog_error:
        cause = Sentence(CATALOG, {"cause": state.catalog_error})
        yield Reason("catalog", Health.DEGRADED, cause)


def _worker_reasons(state: State, measured: Measured) -> Iterator[Reason]:
    beats = [worker.beat for worker in state.workers if not worker.silent]
    if not beats:
        yield Reason("no_workers", Health.UNHEALTHY, Sentence(NO_WORKER))
    for worker in state.workers:
        if worker.silent:
            said = Sentence(SILENT, {"worker": worker.beat.worker})
            yield Reason("worker_silent", Health.DEGRADED, said)
    # Workers of before this was told name no pool either.
    unable = [beat for beat in beats if beat.pool and not beat.registered]
    for beat in unable:
        health = Health.UNHEALTHY if len(unable) == len(beats) else Health.DEGRADED
        said = Sentence(NOTHING_REGISTERED, {"worker": beat.worker})
        yield Reason("nothing_registered", health, said)
    waiting = {queue.name for queue in measured.queues if queue.waiting}
    wedged = [(beat, s) for beat in beats if (s := wedged_seconds(beat, waiting)) is not None]
    for beat, seconds in wedged:
        health = Health.UNHEALTHY if len(wedged) == len(beats) else Health.DEGRADED
        said = Sentence(
            WEDGED,
            {"worker": beat.worker, "processes": beat.processes, "busy_seconds": seconds},
        )
        yield Reason("worker_wedged", health, said)


def wedged_seconds(beat: WorkerBeat, waiting: Iterable[str]) -> float | None:
    """For how long a pool has been wholly busy without an end of any task; None: not too long.

    All times are of the worker's own clock.
    """
    if beat.processes < 1 or beat.busy < beat.processes or beat.oldest_running_at is None:
        return None
    since = max(beat.oldest_running_at, beat.done_at or beat.started_at)
    seconds = beat.at - since
    waited_for = bool(beat.reserved) or not set(beat.queues).isdisjoint(waiting)
    if beat.cpu_percent < IDLE_CPU_PERCENT and waited_for:
        limit = WEDGED_IDLE_SECONDS
    else:
        limit = WEDGED_SECONDS if waited_for else float(LONGEST_HARD_LIMIT_SECONDS)
    return seconds if seconds > limit else None


def _queue_reasons(state: State, measured: Measured) -> Iterator[Reason]:
    beats = [worker.beat for worker in state.workers if not worker.silent]
    for queue in measured.queues:
        consumers = sum(queue.name in beat.queues for beat in beats)
        for code, said in queue_troubles(queue, consumers, growth(queue, measured)):
            yield Reason(code, Health.DEGRADED, said)
    oldest = measured.oldest_in_flight_seconds
    if oldest is not None and oldest > LONGEST_HARD_LIMIT_SECONDS:
        said = Sentence(UNACKED, {"oldest_seconds": oldest})
        yield Reason("unacked_old", Health.DEGRADED, said)


def growth(queue: QueueMeasures, measured: Measured) -> float | None:
    """Messages a second by which a queue has grown in the last minutes; None: not known."""
    before = measured.depth_before.get(queue.name)
    seconds = measured.at - measured.depth_before_at
    if queue.waiting is None or before is None or not before.n or seconds < 1:
        return None
    return (queue.waiting - before.mean) / seconds


def queue_troubles(
    queue: QueueMeasures, consumers: int, growing: float | None
) -> Iterator[tuple[str, Sentence]]:
    """Code and sentence of everything that is wrong with one queue."""
    named = {"queue": queue.name}
    waiting = queue.waiting or 0
    if waiting and not consumers:
        yield "queue_without_consumer", Sentence(NO_CONSUMER, {**named, "messages": waiting})
    elif waiting > DEPTH_MAX:
        yield "queue_deep", Sentence(DEEP, {**named, "messages": waiting})
    if growing is not None and growing > GROWTH_MAX and waiting > GROWTH_FROM:
        yield "queue_growing", Sentence(GROWING, {**named, "messages": growing})
    if queue.oldest_seconds is not None and queue.oldest_seconds > OLDEST_SECONDS:
        yield "queue_old", Sentence(OLD, {**named, "oldest_seconds": queue.oldest_seconds})
