"""One tally as changes of Redis's hashes: totals, this host, roll-ups, sizes, domain."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterable

from wire import keys as wire_keys
from wire.events import dump
from wire.fields import field
from wire.keys import Keys
from wire.metrics import ALL, BOUND_LABELS, SUCCESS
from wire.payloads import Largest
from worker.metrics.tally import Tally, Times

#: The part of `wire.scripts.RECORD_METRICS` for one hash.
Change = tuple[int, dict[str, int], dict[str, tuple[int, str]], dict[str, str]]


class Hash:
    """Additions, maxima and texts for one Redis hash."""

    def __init__(self, key: str, ttl: int = 0) -> None:
        self.key, self.ttl = key, ttl
        self.adds: defaultdict[str, int] = defaultdict(int)
        self.maxima: dict[str, tuple[int, str]] = {}
        self.texts: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self.adds or self.maxima or self.texts)

    def times(self, family: str, labels: Iterable[str], times: Times) -> None:
        """Add a histogram."""
        for bound, count in zip(BOUND_LABELS, times.counts, strict=True):
            if count:
                self.adds[field(family, *labels, bound)] += count
        self.adds[field(family + "_us", *labels)] += times.microseconds

    def change(self) -> Change:
        """The argument of the script; a reader takes what is absent for 0."""
        adds = {field: number for field, number in self.adds.items() if number}
        maxima = {field: found for field, found in self.maxima.items() if found[0]}
        return self.ttl, adds, maxima, self.texts


def changes(tally: Tally, keys: Keys, host: str, now: float) -> list[Hash]:
    """The hashes that a tally changes, at `now` (epoch seconds)."""
    day = time.strftime("%Y-%m-%d", time.gmtime(now))
    totals = Hash(keys.metrics_totals)
    own = Hash(keys.metrics_host(host), wire_keys.HOST_TTL)
    trends = {
        span: Hash(keys.metrics_trend(span, int(now) // span * span), ttl)
        for span, ttl in wire_keys.TREND_TTLS.items()
    }
    sizes, today = Hash(keys.sizes), Hash(keys.sizes_day(day), wire_keys.SIZES_DAY_TTL)
    findings = Hash(keys.findings, wire_keys.FINDINGS_TTL)
    domain = Hash(keys.metrics_domain)
    _count_tasks(tally, totals, own, trends)
    _count_times(tally, totals, own, trends)
    _count_sizes(tally, sizes, today, trends, host, now)
    _tell_findings(tally, findings)
    _count_domain(tally, domain)
    for (what, name), sample in tally.samples.items():
        for hash_ in trends.values():
            n, total, largest = sample
            hash_.adds[field(what, name, "n")] += n
            hash_.adds[field(what, name, "sum")] += total
            hash_.maxima[field(what, name, "max")] = (largest, "")
    for what, count in tally.recorder.items():
        if count:
            totals.adds[field("recorder", what)] += count
    return [hash_ for hash_ in (totals, own, *trends.values(), sizes, today, findings, domain)
            if hash_]  # fmt: skip


def _count_tasks(tally: Tally, totals: Hash, own: Hash, trends: dict[int, Hash]) -> None:
    for (task, queue, status), count in tally.tasks.items():
        own.adds[field("task", task, queue, status)] += count
        for hash_ in (totals, *trends.values()):
            hash_.adds[field("task", task, status)] += count
    for (task, queue, exception), count in tally.failures.items():
        own.adds[field("failure", task, queue, exception)] += count
        totals.adds[field("failure", task, exception)] += count
    for (task, reason), count in tally.retries.items():
        totals.adds[field("retry", task, reason)] += count


def _count_times(tally: Tally, totals: Hash, own: Hash, trends: dict[int, Hash]) -> None:
    for (task, queue, status), times in tally.durations.items():
        totals.times("duration", (task, status), times)
        if status == SUCCESS:
            own.times("runtime", (task, queue), times)
        for span, hash_ in trends.items():
            hash_.times("duration", (ALL if span == 60 else task,), times)
    for (task, queue), times in tally.waits.items():
        totals.times("wait", (task, queue), times)
        own.times("wait", (task, queue), times)
        for hash_ in trends.values():
            hash_.times("wait", (queue,), times)


def _count_sizes(
    tally: Tally, sizes: Hash, today: Hash, trends: dict[int, Hash], host: str, now: float
) -> None:
    for labels, values in tally.sizes.items():
        task_id, queue, items = values.largest
        who = dump(Largest(task_id, queue, worker=host, at=round(now, 3), items=items))
        for hash_ in (sizes, today):
            hash_.adds[field("n", *labels)] += values.n
            hash_.adds[field("sum", *labels)] += values.sum
            hash_.maxima[field("max", *labels)] = (values.max, who if hash_ is sizes else "")
        for bucket, count in values.buckets.items():
            sizes.adds[field("b", *labels, str(bucket))] += count
    for labels, count in tally.cuts.items():
        for hash_ in (sizes, today, *trends.values()):
            hash_.adds[field("cut", *labels)] += count
    for task, count in tally.not_json.items():
        for hash_ in (sizes, today):
            hash_.adds[field("not_json", task)] += count


def _tell_findings(tally: Tally, findings: Hash) -> None:
    for labels, finding in tally.findings.items():
        findings.adds[field("times", *labels)] += finding.times
        findings.texts[field("last", *labels)] = dump(finding)


def _count_domain(tally: Tally, domain: Hash) -> None:
    for labels, count in tally.domain_counts.items():
        domain.adds[field("count", *labels)] += count
    for labels, value in tally.domain_gauges.items():
        domain.texts[field("gauge", *labels)] = json.dumps(value)
    for labels, times in tally.domain_times.items():
        domain.times("seconds", labels, times)
