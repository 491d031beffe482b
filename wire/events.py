"""What is said over Redis: frozen records, and their JSON form.

Numbers are absolute, never increments: a reader that missed entries is right again after the
next one.  `*_at` are epoch seconds (float), `*_seconds` durations.  Text is for display only:
it is untrusted and must be escaped.  A reader takes unknown fields of a record as absent and
missing ones by their default, so that an older worker and a newer page understand each other.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from wire.outcomes import PROBLEMS
from wire.states import FINAL, ScanMode, ScanState

VERSION = 1


class EventError(ValueError):
    """An entry that is not one of ours, or is damaged."""


@dataclass(frozen=True, slots=True)
class StageCount:
    """One step of a scan, in files."""

    key: str  #: see `wire.names.STAGES`
    done: int = 0
    total: int = 0  #: files that this stage will have to do, as far as is known
    waiting: int = 0  #: handed to this stage and not yet done
    failed: int = 0  #: files that ended here with a problem


@dataclass(frozen=True, slots=True)
class Reason:
    """How often one kind of problem occurred in a scan."""

    outcome: str  #: see `wire.outcomes.PROBLEMS`
    error_class: str  #: the class of the error, such as `HeaderNotFoundError`
    files: int


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan, whole: what the page, the API and the terminal show of it.

    `revision` grows with every change; of two records the one with the larger number is right.
    """

    id: str
    root_id: str
    root: str  #: display text of the root
    mode: ScanMode
    state: ScanState
    requested_at: float
    requested_by: str = ""
    folder: str = ""  #: display text of the part of the root that is scanned, "" = all of it
    folder_path: str = ""  #: the same, exact: see `wire.text.path_to_wire`
    mark_anyway: bool = False  #: asked to mark missing files however many there are
    would_mark: int = 0  #: files it refused to mark missing: `mark_anyway` would
    revision: int = 0
    reason: str = ""  #: why it failed, was skipped, cancelled, paused: a plain sentence
    started_at: float | None = None
    discovered_at: float | None = None
    finished_at: float | None = None
    updated_at: float = 0.0
    files_found: int = 0
    folders_found: int = 0
    other_files: int = 0  #: files that are no audio: counted, never opened
    counts: Mapping[str, int] = field(default_factory=dict)  #: outcome -> files
    #: outcome -> folders that could not be listed and links that lead nowhere: no files
    folder_problems: Mapping[str, int] = field(default_factory=dict)
    formats: Mapping[str, int] = field(default_factory=dict)  #: format -> files stored
    stages: tuple[StageCount, ...] = ()
    reasons: tuple[Reason, ...] = ()  #: most frequent first, at most 20
    known_problems: int = 0  #: files unchanged since they were a problem in an earlier scan
    bytes_read: int = 0  #: size of the files that were read

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in FINAL

    @property
    def problems(self) -> dict[str, int]:
        """Outcome -> files, folders and links that were a problem, worst first."""
        both = {
            outcome.value: self.counts.get(outcome, 0) + self.folder_problems.get(outcome, 0)
            for outcome in PROBLEMS
        }
        return {outcome: number for outcome, number in both.items() if number}


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that is not, or not wholly, in the catalog."""

    id: int  #: order of appearance in its scan
    path: str  #: display text, relative to the root
    outcome: str
    error_class: str
    message: str
    size_bytes: int = 0
    at: float = 0.0
    exact: str = ""  #: the path percent-encoded (`wire.text.path_to_wire`), where `path` is not it


@dataclass(frozen=True, slots=True)
class RootStatus:
    """What a worker sees of a configured music folder."""

    id: str
    display: str
    readable: bool
    message: str = ""  #: why it is not readable
    entries: int = 0  #: directly inside, counted up to 10,000
    known_files: int = 0  #: in the catalog, those missing left out
    missing_files: int = 0  #: in the catalog, but not there any more
    checked_at: float = 0.0


@dataclass(frozen=True, slots=True)
class RunningTask:
    """A task in a pool process."""

    task_id: str
    name: str
    since: float
    pid: int = 0


@dataclass(frozen=True, slots=True)
class ScanChanged:
    """A scan, after a change."""

    scan: Scan


@dataclass(frozen=True, slots=True)
class ScanAt:
    """Which file or folder a stage is at: decoration, at most twice a second a process."""

    scan_id: str
    stage: str
    path: str
    at: float


@dataclass(frozen=True, slots=True)
class WorkerBeat:
    """A worker is alive, and what it is doing."""

    worker: str  #: Celery's node name, `needle@host`
    pid: int
    at: float
    started_at: float
    interval_seconds: float  #: the next beat is due after this
    queues: tuple[str, ...] = ()
    processes: int = 0  #: pool processes now
    processes_max: int = 0  #: pool processes it may start
    busy: int = 0
    rss_bytes: int = 0  #: main process and pool together
    cpu_percent: float = 0.0  #: of one core, main process and pool together
    tasks_done: int = 0  #: since it started
    running: tuple[RunningTask, ...] = ()  #: at most 16, the longest running first
    version: str = ""  #: of Needle in that worker, "" when it is not known
    processes_min: int = 0  #: pool processes it keeps; as many as `processes_max`: no autoscale
    pool: str = ""  #: `prefork`, `threads`, `solo`, …
    prefetch: int = 0  #: messages it may hold at once, 0: no limit
    reserved: int = 0  #: tasks it holds and has not begun
    scheduled: int = 0  #: tasks it holds until their time comes
    active: Mapping[str, int] = field(default_factory=dict)  #: running tasks by name
    registered: int = 0  #: kinds of tasks that it knows, Celery's own left out
    oldest_running_at: float | None = None  #: when the longest running task began
    done_at: float | None = None  #: when a task ended last, as far as was seen
    system_processes: int = 0  #: main process and children
    disk_read_bytes: int = 0  #: since its processes started; 0 where the system does not tell
    disk_written_bytes: int = 0
    memory_total_bytes: int = 0  #: of the machine, or what its container may use
    cores: int = 0
    args_limit: int = 0  #: limits of the reprs in force in its main process, 0: not told
    kwargs_limit: int = 0


@dataclass(frozen=True, slots=True)
class WorkerGone:
    """A worker has stopped on purpose."""

    worker: str
    at: float


@dataclass(frozen=True, slots=True)
class Activity:
    """Who did what: append-only.  `action` is a key such as `scan.started`."""

    at: float
    actor: str  #: `system`, `page`, `api`, `terminal` or a person
    action: str
    scan_id: str = ""
    target: str = ""  #: a folder, a worker, …
    detail: str = ""
    role: str = ""  #: of who signed in: `operator` or `viewer`
    device: str = ""  #: their browser, or the name of their token
    address: str = ""


Event = ScanChanged | ScanAt | WorkerBeat | WorkerGone | Activity
_EVENTS: dict[str, type[Event]] = {
    cls.__name__: cls for cls in (ScanChanged, ScanAt, WorkerBeat, WorkerGone, Activity)
}

T = TypeVar("T")


def dump(record: Any) -> str:
    """A record as compact JSON (ASCII)."""
    return json.dumps(dataclasses.asdict(record), separators=(",", ":"))


def load(cls: type[T], text: str | bytes) -> T:
    """The record of type `cls` that `dump` wrote.

    Raises:
        EventError: not JSON, or a field is missing or of another type.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EventError(f"not JSON: {error}") from None
    return typing.cast(T, _build(cls, data, cls.__name__))


def encode(event: Event) -> dict[str, str]:
    """An event as the fields of a stream entry."""
    return {"type": type(event).__name__, "v": str(VERSION), "data": dump(event)}


def decode(fields: Mapping[bytes, bytes]) -> Event:
    """The event in the fields of a stream entry.

    Raises:
        EventError: of an unknown type or version, or damaged.
    """
    name = fields.get(b"type", b"").decode("ascii", "replace")
    cls = _EVENTS.get(name)
    if cls is None:
        raise EventError(f"unknown event {name[:40]!r}")
    if fields.get(b"v") != str(VERSION).encode():
        raise EventError(f"{name} of another version: {fields.get(b'v', b'')[:10]!r}")
    return load(cls, fields.get(b"data", b""))


def _build(kind: Any, value: Any, where: str) -> Any:
    """`value` as an instance of the annotation `kind`."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, dict):
            raise EventError(f"{where}: an object is needed")
        hints = _hints(kind)
        known = {k: _build(hints[k], v, f"{where}.{k}") for k, v in value.items() if k in hints}
        try:
            return kind(**known)
        except TypeError as error:
            raise EventError(f"{where}: {error}") from None
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        inner = next(a for a in args if a is not type(None))
        return None if value is None else _build(inner, value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise EventError(f"{where}: a list is needed")
        return tuple(_build(args[0], item, where) for item in value)
    if origin is not None:  # Mapping[str, int], the only other generic here
        if not isinstance(value, dict):
            raise EventError(f"{where}: an object is needed")
        return {key: _build(args[1], item, where) for key, item in value.items()}
    return _scalar(kind, value, where)


def _scalar(kind: type, value: Any, where: str) -> Any:
    if issubclass(kind, str) and kind is not str:
        try:
            return kind(value)
        except ValueError:
            raise EventError(f"{where}: {str(value)[:40]!r} is not a {kind.__name__}") from None
    if kind is float and type(value) is int:
        value = float(value) if abs(value) < 1e300 else value
    if type(value) is not kind:
        raise EventError(f"{where}: {kind.__name__} is needed, not {type(value).__name__}")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise EventError(f"{where}: a number of 64 bits is needed")
    if isinstance(value, float) and not -1e300 < value < 1e300:  # NaN compares false as well
        raise EventError(f"{where}: a finite number is needed")
    return value


_hint_cache: dict[type, dict[str, Any]] = {}


def _hints(kind: type) -> dict[str, Any]:
    if kind not in _hint_cache:
        _hint_cache[kind] = typing.get_type_hints(kind)
    return _hint_cache[kind]
