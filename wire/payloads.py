"""Sizes of what tasks carry, as they were measured, and the limits that are in force.

Three numbers that are never mixed: the payload (JSON, in characters and UTF-8 bytes), the wire
(bytes of the message as it lay in Redis) and the repr (the text that a limit would cut).
"""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from wire import sketch
from wire.events import EventError, load
from wire.fields import Counters, read_counters, read_texts

T = TypeVar("T")

#: What is measured of a task; characters unless the name says bytes.
ARGS, KWARGS = "args", "kwargs"
ARGS_BYTES, KWARGS_BYTES = "args_bytes", "kwargs_bytes"
WIRE_BYTES, RESULT_BYTES = "wire_bytes", "result_bytes"
ARGS_REPR, KWARGS_REPR = "args_repr", "kwargs_repr"  #: of samples only
MEASURES = (
    ARGS, KWARGS, ARGS_BYTES, KWARGS_BYTES, WIRE_BYTES, RESULT_BYTES, ARGS_REPR, KWARGS_REPR,
)  # fmt: skip
#: Measures with quantiles.
SKETCHED = (ARGS, KWARGS, WIRE_BYTES, RESULT_BYTES, ARGS_REPR, KWARGS_REPR)

#: Celery's own limit of both reprs, in characters.
CELERY_LIMIT = 1024

#: Kinds of `Finding`.
CUT_PARSED_BACK = "ellipsis"  #: a cut repr was parsed, and its `...` became Ellipsis
NOT_JSON = "not_json"  #: a value that JSON cannot hold reached a task's arguments or result
REFUSED = "refused"  #: a message or result could not be serialised: the task failed
NESTED = "nested"  #: a repr was cut by depth (`task_repr_maxlevels`), which no limit changes

#: For how many seconds a finding is news.
RECENT_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class SizeLimits:
    """The limits of `argsrepr` and `kwargsrepr` that somebody set, in characters."""

    args: int
    kwargs: int
    set_by: str = ""
    set_at: float = 0.0
    automatic: bool = False  #: kept at the recommendation by Needle itself
    previous_args: int | None = None  #: what an undo would bring back
    previous_kwargs: int | None = None
    ceiling: int | None = None  #: automatic mode goes no higher; None: `wire.sizes` says


#: What is in force while nobody has set anything.
DEFAULT_LIMITS = SizeLimits(CELERY_LIMIT, CELERY_LIMIT)


@dataclass(frozen=True, slots=True)
class Largest:
    """The task that brought the largest value."""

    task_id: str = ""
    queue: str = ""
    worker: str = ""
    at: float = 0.0
    items: int = 0  #: of its longest list, when it should be a smaller batch; 0: not looked at


@dataclass(frozen=True, slots=True)
class Sizes:
    """One measure of one task, or of all of them."""

    n: int = 0
    sum: int = 0
    max: int = 0
    buckets: Mapping[int, int] = field(default_factory=dict)  #: see `wire.sketch`
    largest: Largest | None = None

    @property
    def mean(self) -> float:
        """0 when nothing was measured."""
        return self.sum / self.n if self.n else 0.0

    def quantile(self, q: float) -> float | None:
        """Within 1 %, and the largest itself where it is that; None without quantiles."""
        value = sketch.quantile(self.buckets, q)
        if value is not None and sketch.rank(q, self.n) >= self.n:
            return float(self.max)
        return None if value is None else min(value, float(self.max))

    def __add__(self, other: Sizes) -> Sizes:
        larger = self if self.max >= other.max else other
        keys = self.buckets.keys() | other.buckets.keys()
        buckets = {k: self.buckets.get(k, 0) + other.buckets.get(k, 0) for k in keys}
        return Sizes(self.n + other.n, self.sum + other.sum, larger.max, buckets, larger.largest)


@dataclass(frozen=True, slots=True)
class TaskSizes:
    """All measures of one kind of task."""

    task: str
    measures: Mapping[str, Sizes] = field(default_factory=dict)
    cut_args: int = 0  #: whose args were longer than the limit in force when they were sent
    cut_kwargs: int = 0
    cut: int = 0  #: tasks with one or both of them cut
    not_json: int = 0  #: tasks with something that JSON cannot hold

    def __getitem__(self, measure: str) -> Sizes:
        return self.measures.get(measure, Sizes())

    @property
    def analysed(self) -> int:
        """Tasks whose payload was measured."""
        return self[ARGS].n


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that JSON cannot hold, or that was cut: where it was seen last, and how often."""

    task: str
    kind: str  #: `CUT_PARSED_BACK`, `NOT_JSON`, `REFUSED` or `NESTED`
    type: str = ""  #: of the value: `ellipsis`, `bytes`, `set`, …
    path: str = ""  #: where in the task, such as `args[0]['cover']`
    message: str = ""  #: of the exception, if there was one
    task_id: str = ""
    at: float = 0.0
    times: int = 0


def read_sizes(raw: Mapping[bytes, bytes]) -> dict[str, TaskSizes]:
    """`HGETALL` of `Keys.sizes` or `Keys.sizes_day(day)`: task -> what was measured of it."""
    counters = read_counters(raw)
    largest = {labels: _largest(text) for labels, text in read_texts(raw, "who").items()}
    buckets = _buckets(counters)
    measures: dict[str, dict[str, Sizes]] = {}
    for labels, n in counters.get("n", {}).items():
        if len(labels) == 2 and labels[1] in MEASURES:
            task, measure = labels
            measures.setdefault(task, {})[measure] = Sizes(
                n=n,
                sum=counters.get("sum", {}).get(labels, 0),
                max=counters.get("max", {}).get(labels, 0),
                buckets=buckets.get(labels, {}),
                largest=largest.get(labels),
            )
    return {
        task: TaskSizes(
            task,
            found,
            cut_args=_of(counters, "cut", task, ARGS),
            cut_kwargs=_of(counters, "cut", task, KWARGS),
            cut=_of(counters, "cut", task, "any"),
            not_json=_of(counters, "not_json", task),
        )
        for task, found in measures.items()
    }


def total_sizes(tasks: Mapping[str, TaskSizes]) -> TaskSizes:
    """All tasks together, under the name ""."""
    together: dict[str, Sizes] = {}
    for sizes in tasks.values():
        for measure, found in sizes.measures.items():
            together[measure] = together.get(measure, Sizes()) + found
    return TaskSizes(
        "",
        together,
        cut_args=sum(sizes.cut_args for sizes in tasks.values()),
        cut_kwargs=sum(sizes.cut_kwargs for sizes in tasks.values()),
        cut=sum(sizes.cut for sizes in tasks.values()),
        not_json=sum(sizes.not_json for sizes in tasks.values()),
    )


def read_findings(raw: Mapping[bytes, bytes]) -> tuple[Finding, ...]:
    """`HGETALL` of `Keys.findings`, latest first."""
    times = read_counters(raw).get("times", {})
    found = []
    for labels, text in read_texts(raw, "last").items():
        finding = _load(Finding, text)
        if finding is not None and labels == (finding.task, finding.kind, finding.type):
            found.append(_counted(finding, times.get(labels, 1)))
    return tuple(sorted(found, key=lambda finding: -finding.at))


def not_serializable(findings: Iterable[Finding], now: float) -> dict[str, int]:
    """Task -> kinds of values that JSON cannot hold, seen in the last hour before `now`."""
    recent = Counter(
        finding.task
        for finding in findings
        if finding.kind in (CUT_PARSED_BACK, NOT_JSON, REFUSED)
        and now - finding.at < RECENT_SECONDS
    )
    return dict(recent)


def read_limits(raw: bytes | None) -> SizeLimits | None:
    """`GET` of `Keys.size_limits`; None when nobody has set any, or what is there is damaged."""
    limits = None if raw is None else _load(SizeLimits, raw)
    return limits if limits and min(limits.args, limits.kwargs) > 0 else None


def _buckets(counters: Counters) -> dict[tuple[str, ...], dict[int, int]]:
    found: dict[tuple[str, ...], dict[int, int]] = {}
    for labels, count in counters.get("b", {}).items():
        *measured, bucket = labels or ("",)
        if bucket.removeprefix("-").isdecimal() and len(bucket) <= 4:
            found.setdefault(tuple(measured), {})[int(bucket)] = count
    return found


def _of(counters: Counters, family: str, *labels: str) -> int:
    return counters.get(family, {}).get(labels, 0)


@functools.lru_cache(4_096)
def _largest(text: bytes) -> Largest | None:
    return _load(Largest, text)


def _counted(finding: Finding, times: int) -> Finding:
    return dataclasses.replace(finding, times=times)


def _load(cls: type[T], text: bytes) -> T | None:
    try:
        return load(cls, text)
    except EventError:
        return None
