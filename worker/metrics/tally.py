"""What one process has counted since its last flush, before it is spread over Redis's hashes."""

from __future__ import annotations

import bisect
import dataclasses
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from wire import sketch
from wire.metrics import BOUND_LABELS, BOUNDS
from wire.payloads import SKETCHED, Finding


@dataclass(slots=True)
class Times:
    """A histogram that grows."""

    counts: list[int] = field(default_factory=lambda: [0] * len(BOUND_LABELS))
    microseconds: int = 0

    def add(self, *seconds: float) -> None:
        """Take times in."""
        for one in seconds:
            self.counts[bisect.bisect_left(BOUNDS, one)] += 1
        self.microseconds += round(sum(seconds) * 1e6)


@dataclass(slots=True)
class Values:
    """A measure that grows: see `wire.payloads.Sizes`."""

    n: int = 0
    sum: int = 0
    max: int = -1
    largest: tuple[str, str, int] = ("", "", 0)  #: task id, queue and items of the largest
    buckets: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))

    def add(
        self,
        measure: str,
        queue: str,
        task_ids: Sequence[str],
        values: Sequence[int],
        items: Sequence[int] = (),
    ) -> None:
        """Take one value or more in, all of them of one queue: one each of every task.

        `items`: of the longest list of each, if they were counted.
        """
        self.n += len(values)
        self.sum += sum(values)
        largest = max(values)
        if largest > self.max:
            at = values.index(largest)
            self.max, self.largest = largest, (task_ids[at], queue, items[at] if items else 0)
        if measure in SKETCHED:
            for value, times in Counter(values).items():
                self.buckets[sketch.bucket_of(value)] += times


Pair = tuple[str, str]
Triple = tuple[str, str, str]


@dataclass(slots=True)
class Tally:
    """Everything counted.  Whoever changes it holds the recorder's lock."""

    tasks: defaultdict[Triple, int] = field(default_factory=lambda: defaultdict(int))
    failures: defaultdict[Triple, int] = field(default_factory=lambda: defaultdict(int))
    retries: defaultdict[Pair, int] = field(default_factory=lambda: defaultdict(int))
    #: (task, queue, status)
    durations: defaultdict[Triple, Times] = field(default_factory=lambda: defaultdict(Times))
    #: (task, queue)
    waits: defaultdict[Pair, Times] = field(default_factory=lambda: defaultdict(Times))
    #: (task, measure)
    sizes: defaultdict[Pair, Values] = field(default_factory=lambda: defaultdict(Values))
    #: (task, `args`, `kwargs` or `any`)
    cuts: defaultdict[Pair, int] = field(default_factory=lambda: defaultdict(int))
    not_json: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    findings: dict[Triple, Finding] = field(default_factory=dict)
    #: (`depth`, `rss` or `cpu`, name) -> n, sum, max
    samples: dict[Pair, tuple[int, int, int]] = field(default_factory=dict)
    domain_counts: defaultdict[Pair, int] = field(default_factory=lambda: defaultdict(int))
    domain_gauges: dict[Pair, float] = field(default_factory=dict)
    domain_times: defaultdict[Pair, Times] = field(default_factory=lambda: defaultdict(Times))
    recorder: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def size(self, task: str, measure: str, value: int, task_id: str = "", queue: str = "") -> None:
        """One measured value."""
        self.sizes[task, measure].add(measure, queue, (task_id,), (value,))

    def finding(self, finding: Finding) -> None:
        """Something that JSON cannot hold; the same again counts and keeps the latest."""
        key = (finding.task, finding.kind, finding.type)
        known = self.findings.get(key)
        times = finding.times + (known.times if known else 0)
        self.findings[key] = dataclasses.replace(finding, times=times)

    def sample(self, what: str, name: str, value: int) -> None:
        """One look at a queue's depth, or a process's memory or CPU."""
        n, total, largest = self.samples.get((what, name), (0, 0, 0))
        self.samples[what, name] = (n + 1, total + value, max(largest, value))
