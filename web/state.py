"""What the page shows at one moment: a frozen State, handed to every template as `state`.

Text in it is untrusted and for display only.  Times are epoch seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from wire.alerts import Alert
from wire.events import Activity, Problem, RootStatus, Scan, ScanAt, WorkerBeat
from wire.refusals import RefusedMessage
from wire.schedule import ScheduleStatus, WatchStatus
from wire.sentences import Sentence
from wire.states import ScanState

#: Without progress for this long, a scan at work counts as stalled.
STALLED_SECONDS = 45.0
#: Past scans on the live page; `/scans` shows all that are kept.
SCANS_SHOWN = 20
#: A worker that missed this many beats is silent.
BEATS_MISSED = 3


class Phase(StrEnum):
    """Which of its faces the page shows; the first that applies, in this order."""

    REDIS_DOWN = "redis_down"
    NO_WORKER = "no_worker"  #: no worker beats; a scan may be shown nevertheless
    FIRST_RUN = "first_run"  #: no scan yet and no file known
    IDLE = "idle"  #: no scan is remembered, but files are known
    STALLED = "stalled"  #: a scan at work has made no progress for `STALLED_SECONDS`
    QUEUED = "queued"
    DISCOVERING = "discovering"
    SCANNING = "scanning"
    FINISHING = "finishing"
    PAUSED = "paused"
    STOPPING = "stopping"
    COMPLETED = "completed"
    COMPLETED_WITH_PROBLEMS = "completed_with_problems"
    CANCELLED = "cancelled"
    FAILED = "failed"
    SKIPPED = "skipped"


#: States of a scan in which progress is expected.
AT_WORK = frozenset({ScanState.DISCOVERING, ScanState.SCANNING, ScanState.FINISHING})


@dataclass(frozen=True, slots=True)
class WorkerView:
    """A worker and whether it has missed its beats."""

    beat: WorkerBeat
    silent: bool = False


@dataclass(frozen=True, slots=True)
class QueueView:
    """A queue: `waiting` messages (None: not known), `consumers` that take from it."""

    name: str
    waiting: int | None
    consumers: int


@dataclass(frozen=True, slots=True)
class RateView:
    """How fast the shown scan goes; rates in files a second."""

    files_per_second: float | None = None  #: over the last seconds; None: no sample yet
    peak: float = 0.0
    stages: Mapping[str, float] = field(default_factory=dict)  #: of each stage at work, by its key
    points: tuple[float, ...] = ()  #: at most 60, oldest first, evenly spaced
    last_progress_at: float | None = None
    eta_seconds: float | None = None  #: only after discovery and 30 s of samples


@dataclass(frozen=True, slots=True)
class State:
    """Everything the page shows; a larger `version` is newer."""

    version: int
    at: float  #: when it was made
    redis_ok: bool = False
    redis_error: str = ""  #: a plain sentence when Redis is away, or answers but takes nothing
    catalog_error: str = ""  #: why the catalog cannot be used, in the words of its database
    fresh_at: float = 0.0  #: time of the last good data, 0.0: there was none
    scan: Scan | None = None  #: the active one, else the newest
    active: tuple[Scan, ...] = ()
    now: ScanAt | None = None  #: where `scan` is
    last_scans: tuple[Scan, ...] = ()  #: newest first, at most `SCANS_SHOWN`
    problems: tuple[Problem, ...] = ()  #: the first 20 of `scan`
    problems_total: int = 0
    workers: tuple[WorkerView, ...] = ()
    queues: tuple[QueueView, ...] = ()
    in_flight: int | None = None  #: messages handed out and not acknowledged, whole database
    roots: tuple[RootStatus, ...] = ()  #: `checked_at` 0: no worker has looked yet
    activity: tuple[Activity, ...] = ()  #: newest first, at most 20
    schedule: ScheduleStatus | None = None  #: what the clock will bring, None: not known
    watch: WatchStatus | None = None  #: what the watcher sees, None: no folder is watched
    alerts: tuple[Alert, ...] = ()  #: that fire and nobody has seen yet, worst first
    sizes: Sentence | None = None  #: what is to be done about message sizes, None: nothing
    refused: int = 0  #: messages that workers refused, until none was for a week
    last_refused: RefusedMessage | None = None
    rate: RateView = field(default_factory=RateView)
    phase: Phase = Phase.REDIS_DOWN
    stalled_seconds: float = 0.0  #: how long without progress, when `phase` is stalled
    skipped_entries: int = 0  #: forged or damaged entries that were ignored


def phase_of(
    *,
    redis_ok: bool,
    workers: Sequence[WorkerView],
    scan: Scan | None,
    roots: Sequence[RootStatus],
    stalled: bool,
) -> Phase:
    """The face of the page for these facts."""
    if not redis_ok:
        return Phase.REDIS_DOWN
    if not any(not worker.silent for worker in workers):
        return Phase.NO_WORKER
    if scan is None:
        return Phase.IDLE if any(root.known_files for root in roots) else Phase.FIRST_RUN
    if stalled and scan.state in AT_WORK:
        return Phase.STALLED
    return Phase(scan.state.value)
