"""What is counted of tasks and workers: families, buckets, and the reading of Redis's hashes.

Writers add; readers take one `HGETALL` and one function here.  Times are summed in whole
microseconds (fields that end in `_us`), so that adding is exact.  docs/wire.md lists the fields.
"""

from __future__ import annotations

import bisect
import functools
import operator
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from wire import fields
from wire.fields import Counters

#: Upper bounds of the buckets of times, in seconds; above the last one lies one more bucket.
BOUNDS = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0,
    300.0, 600.0, 1800.0, 3600.0, 7200.0,
)  # fmt: skip
#: The same as labels, with the last bucket.
BOUND_LABELS = (*(f"{bound:g}" for bound in BOUNDS), "+Inf")
_INDEX = {label: index for index, label in enumerate(BOUND_LABELS)}

#: What a task can be counted as.  `timeout` is counted beside `failure`.
SENT, RECEIVED, STARTED = "sent", "received", "started"
SUCCESS, FAILURE, RETRY = "success", "failure", "retry"
REVOKED, REJECTED, IGNORED, TIMEOUT = "revoked", "rejected", "ignored", "timeout"
STATUSES = (SENT, RECEIVED, STARTED, SUCCESS, FAILURE, RETRY, REVOKED, REJECTED, IGNORED, TIMEOUT)

#: Hashes whose histograms are known by the places of their buckets.
_SERIES = 64

#: In the roll-ups of a minute the times of all tasks are one series, of this name.
ALL = "*"

Pair = tuple[str, str]
Triple = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often something took how long."""

    counts: tuple[int, ...] = (0,) * len(BOUND_LABELS)  #: of each bucket alone, not cumulative
    sum_seconds: float = 0.0

    @property
    def count(self) -> int:
        """How many times were taken."""
        return sum(self.counts)

    @property
    def mean(self) -> float | None:
        """Seconds; None when nothing was taken."""
        return self.sum_seconds / self.count if self.count else None

    def quantile(self, q: float) -> float | None:
        """Seconds below which the part `q` lies, linear within a bucket as Prometheus has it."""
        rank, seen = q * self.count, 0
        for index, count in enumerate(self.counts):
            if count and seen + count >= rank:
                if index == len(BOUNDS):
                    return BOUNDS[-1]
                low = BOUNDS[index - 1] if index else 0.0
                return low + (BOUNDS[index] - low) * max(0.0, rank - seen) / count
            seen += count
        return None

    def __add__(self, other: Histogram) -> Histogram:
        counts = tuple(map(operator.add, self.counts, other.counts))
        return Histogram(counts, self.sum_seconds + other.sum_seconds)


def bucket_label(seconds: float) -> str:
    """The label of the bucket that a time lies in."""
    return BOUND_LABELS[bisect.bisect_left(BOUNDS, seconds)]


@dataclass(frozen=True, slots=True)
class Totals:
    """Everything ever counted, over all workers and producers: never decreasing."""

    tasks: Mapping[Pair, int] = field(default_factory=dict)  #: (task, status)
    retries: Mapping[Pair, int] = field(default_factory=dict)  #: (task, reason)
    failures: Mapping[Pair, int] = field(default_factory=dict)  #: (task, exception class)
    durations: Mapping[Pair, Histogram] = field(default_factory=dict)  #: (task, status)
    waits: Mapping[Pair, Histogram] = field(default_factory=dict)  #: (task, queue), sent to started
    #: What measuring itself did: `flushes`, `flush_us`, `dropped_<what>`, see docs/wire.md.
    recorder: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HostTotals:
    """What one worker (`name@host`) or producer (`producer@host`) counted, while it is there."""

    tasks: Mapping[Triple, int] = field(default_factory=dict)  #: (task, queue, status)
    failures: Mapping[Triple, int] = field(default_factory=dict)  #: (task, queue, exception)
    runtimes: Mapping[Pair, Histogram] = field(default_factory=dict)  #: (task, queue), successes
    waits: Mapping[Pair, Histogram] = field(default_factory=dict)  #: (task, queue)


@dataclass(frozen=True, slots=True)
class Sample:
    """What was looked at again and again."""

    n: int = 0
    sum: int = 0
    max: int = 0

    @property
    def mean(self) -> float:
        """0 when nobody looked."""
        return self.sum / self.n if self.n else 0.0


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """What happened in one minute, hour or day (UTC) from `at` on (epoch seconds)."""

    at: int
    tasks: Mapping[Pair, int] = field(default_factory=dict)  #: (task, status)
    durations: Mapping[str, Histogram] = field(default_factory=dict)  #: task; a minute: `ALL`
    waits: Mapping[str, Histogram] = field(default_factory=dict)  #: queue
    cuts: Mapping[Pair, int] = field(default_factory=dict)  #: (task, `args` or `kwargs`)
    depth: Mapping[str, Sample] = field(default_factory=dict)  #: queue, messages waiting
    rss_bytes: Mapping[str, Sample] = field(default_factory=dict)  #: worker
    cpu_permille: Mapping[str, Sample] = field(default_factory=dict)  #: worker, of one core


def read_totals(raw: Mapping[bytes, bytes]) -> Totals:
    """`HGETALL` of `Keys.metrics_totals`."""
    counters = fields.read_counters(raw)
    return Totals(
        tasks=_pairs(counters, "task"),
        retries=_pairs(counters, "retry"),
        failures=_pairs(counters, "failure"),
        durations=_pair_histograms(counters, "duration"),
        waits=_pair_histograms(counters, "wait"),
        recorder={labels[0]: n for labels, n in _of(counters, "recorder", 1).items()},
    )


def read_host(raw: Mapping[bytes, bytes]) -> HostTotals:
    """`HGETALL` of `Keys.metrics_host(worker)`."""
    counters = fields.read_counters(raw)
    return HostTotals(
        tasks=_triples(counters, "task"),
        failures=_triples(counters, "failure"),
        runtimes=_pair_histograms(counters, "runtime"),
        waits=_pair_histograms(counters, "wait"),
    )


def read_trend(at: int, raw: Mapping[bytes, bytes]) -> TrendPoint:
    """`HGETALL` of `Keys.metrics_trend(span, at)`; an absent hash is a point without numbers."""
    counters = fields.read_counters(raw)
    durations, waits = histograms(counters, "duration", 1), histograms(counters, "wait", 1)
    return TrendPoint(
        at=at,
        tasks=_pairs(counters, "task"),
        durations={labels[0]: histogram for labels, histogram in durations.items()},
        waits={labels[0]: histogram for labels, histogram in waits.items()},
        cuts=_pairs(counters, "cut"),
        depth=_samples(counters, "depth"),
        rss_bytes=_samples(counters, "rss"),
        cpu_permille=_samples(counters, "cpu"),
    )


def starts(span: int, now: float, count: int) -> Sequence[int]:
    """The starts of the last `count` spans of `span` seconds (60, 3600 or 86400), oldest first."""
    last = int(now) // span * span
    return range(last - (count - 1) * span, last + 1, span)


def histograms(counters: Counters, family: str, labels: int) -> dict[tuple[str, ...], Histogram]:
    """Labels -> histogram, from `family|labels…|bucket` and `family_us|labels…`."""
    counts, sums = counters.get(family, {}), counters.get(family + "_us", {})
    numbers = (*counts.values(), 0)
    return {
        key: Histogram(pick(numbers), sums.get(key, 0) / 1e6)
        for key, pick in _series(tuple(counts), labels)
    }


@functools.lru_cache(_SERIES)
def _series(
    keys: tuple[tuple[str, ...], ...], labels: int
) -> list[tuple[tuple[str, ...], fields.Pick]]:
    """The histograms in these keys: the labels of each, and what picks its counts.

    The last number is that of the buckets that are not there.
    """
    buckets: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [len(keys)] * len(BOUND_LABELS))
    for place, key in enumerate(keys):
        if len(key) == labels + 1 and (index := _INDEX.get(key[-1])) is not None:
            buckets[key[:-1]][index] = place
    return [(key, fields.picker(places)) for key, places in buckets.items()]


def _of(counters: Counters, family: str, labels: int) -> dict[Any, int]:
    return {key: n for key, n in counters.get(family, {}).items() if len(key) == labels}


def _pairs(counters: Counters, family: str) -> dict[Pair, int]:
    return _of(counters, family, 2)


def _triples(counters: Counters, family: str) -> dict[Triple, int]:
    return _of(counters, family, 3)


def _pair_histograms(counters: Counters, family: str) -> dict[Pair, Histogram]:
    return cast("dict[Pair, Histogram]", histograms(counters, family, 2))


def _samples(counters: Counters, family: str) -> dict[str, Sample]:
    """Name -> sample, from `family|name|n`, `|sum` and `|max`."""
    found = _pairs(counters, family)
    names = {name for name, _ in found}
    return {
        name: Sample(*(found.get((name, part), 0) for part in ("n", "sum", "max")))
        for name in names
    }
