"""From facts to the values that rules watch.  Pure.

A measure that is left out is not known; a measure without a subject has nothing to say of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from web.alerts.facts import MINUTE_SECONDS, Facts
from web.metrics.workers import stuck_seconds
from web.state import WorkerView
from wire.metrics import ALL, FAILURE, RETRY, SUCCESS, TIMEOUT, Histogram, TrendPoint
from wire.payloads import ARGS, KWARGS, WIRE_BYTES, TaskSizes, not_serializable
from wire.size_alerts import GROWTH_FROM_CHARS

#: Fewer tasks than this in the window say nothing about a share or a quantile.
FEWEST_TASKS = 5

Subjects = dict[str, float]


def values(facts: Facts) -> dict[str, Subjects]:
    """Measure -> subject -> value.  While Redis is away nothing is known."""
    if not facts.state.redis_ok or facts.measured is None:
        return {}
    return {
        **_of_workers(facts),
        **_of_queues(facts),
        **_of_tasks(facts.minutes),
        **_of_sizes(facts),
        **_of_the_rest(facts),
    }


def _of_workers(facts: Facts) -> dict[str, Subjects]:
    views, at = facts.state.workers, facts.at
    awake = [view.beat for view in views if not view.silent]
    return {
        "workers_active": {"": float(len(awake))},
        "worker_silent_seconds": {
            view.beat.worker: max(at - view.beat.at, 0.0) if view.silent else 0.0 for view in views
        },
        "worker_stuck_seconds": {beat.worker: stuck_seconds(beat) for beat in awake},
        "worker_cpu_percent": {
            beat.worker: beat.cpu_percent / max(min(beat.processes_max, beat.cores or 1), 1)
            for beat in awake
        },
        "worker_memory_percent": {
            beat.worker: 100 * beat.rss_bytes / beat.memory_total_bytes
            for beat in awake
            if beat.memory_total_bytes
        },
        "worker_uptime_seconds": {
            beat.worker: max(beat.at - beat.started_at, 0.0) for beat in awake
        },
    }


def _of_queues(facts: Facts) -> dict[str, Subjects]:
    queues = facts.measured.queues if facts.measured else ()
    waiting = {q.name: q.waiting for q in queues if q.waiting is not None}
    consumed = _consumed(facts.state.workers)
    return {
        "queue_depth": {queue: float(n) for queue, n in waiting.items()},
        "queue_unconsumed": {
            queue: 0.0 if queue in consumed else float(n) for queue, n in waiting.items()
        },
        "queue_growth": _growth(facts.minutes),
        "queue_oldest_seconds": {
            q.name: q.oldest_seconds for q in queues if q.oldest_seconds is not None
        },
        "wait_p95_seconds": _quantiles(_together(point.waits for point in facts.minutes)),
    }


def _consumed(workers: Iterable[WorkerView]) -> set[str]:
    return {queue for view in workers if not view.silent for queue in view.beat.queues}


def _growth(minutes: tuple[TrendPoint, ...]) -> Subjects:
    """Messages more each second, between the last two minutes that were looked at."""
    looked = [point for point in minutes if point.depth]
    if len(looked) < 2:
        return {}
    before, after = looked[-2:]
    seconds = max(after.at - before.at, MINUTE_SECONDS)
    return {
        queue: (sample.mean - before.depth[queue].mean) / seconds
        for queue, sample in after.depth.items()
        if queue in before.depth
    }


def _of_tasks(minutes: tuple[TrendPoint, ...]) -> dict[str, Subjects]:
    ended = {status: _count(minutes, status) for status in (SUCCESS, FAILURE, RETRY, TIMEOUT)}
    done = ended[SUCCESS] + ended[FAILURE]
    runs = done + ended[RETRY]
    seconds = max(len(minutes) * MINUTE_SECONDS, 1)
    times = _together(point.durations for point in minutes)
    found: dict[str, Subjects] = {
        "success_percent": _share(ended[SUCCESS], done),
        "failure_percent": _share(ended[FAILURE], done),
        "timeout_percent": _share(ended[TIMEOUT], done),
        "retry_percent": _share(ended[RETRY], runs),
        "duration_p95_seconds": _quantiles({"": times[ALL]} if ALL in times else {}),
        "failures_per_minute": _by_task(minutes[-1:], FAILURE, 1.0),
        "timeouts_per_second": _by_task(minutes, TIMEOUT, seconds),
    }
    cuts: Subjects = {}
    for point in minutes[-1:]:
        for (task, _), n in point.cuts.items():
            cuts[task] = cuts.get(task, 0.0) + n
    return {**found, "cuts_per_minute": cuts}


def _count(minutes: Iterable[TrendPoint], status: str) -> int:
    return sum(n for point in minutes for (_, s), n in point.tasks.items() if s == status)


def _share(part: int, whole: int) -> Subjects:
    return {"": 100 * part / whole} if whole >= FEWEST_TASKS else {}


def _by_task(minutes: Iterable[TrendPoint], status: str, divisor: float) -> Subjects:
    found: Subjects = {}
    for point in minutes:
        for (task, s), n in point.tasks.items():
            if s == status:
                found[task] = found.get(task, 0.0) + n / divisor
    return found


def _together(points: Iterable[Mapping[str, Histogram]]) -> dict[str, Histogram]:
    """The histograms of all points, added by name."""
    sums: dict[str, Histogram] = {}
    for point in points:
        for name, histogram in point.items():
            sums[name] = sums[name] + histogram if name in sums else histogram
    return sums


def _quantiles(histograms: Mapping[str, Histogram]) -> Subjects:
    found = {
        name: histogram.quantile(0.95)
        for name, histogram in histograms.items()
        if histogram.count >= FEWEST_TASKS
    }
    return {name: value for name, value in found.items() if value is not None}


def _of_sizes(facts: Facts) -> dict[str, Subjects]:
    found = facts.measured.findings if facts.measured else ()
    return {
        "size_growth": {
            task: growth
            for task, sizes in facts.today.items()
            if task in facts.before and (growth := _grown(facts.before[task], sizes)) is not None
        },
        "message_bytes": {
            task: float(sizes[WIRE_BYTES].max) for task, sizes in facts.today.items()
        },
        "not_serializable": {
            task: float(kinds) for task, kinds in not_serializable(found, facts.at).items()
        },
    }


def _grown(before: TaskSizes, now: TaskSizes) -> float | None:
    """How many times as large as last week's the largest args or kwargs of today are."""
    factors = [
        now[kind].max / before[kind].max
        for kind in (ARGS, KWARGS)
        if before[kind].max >= GROWTH_FROM_CHARS
    ]
    return max(factors, default=None)


def _of_the_rest(facts: Facts) -> dict[str, Subjects]:
    state = facts.state
    stalled = state.stalled_seconds if state.scan else 0.0
    found: dict[str, Subjects] = {
        "catalog_trouble": {"": 1.0 if state.catalog_error else 0.0},
        "dead_letters": {"": float(state.refused)},
        "scan_stalled_seconds": {state.scan.root: stalled} if state.scan else {},
    }
    measured = facts.measured
    if measured and measured.redis_bytes is not None and measured.redis_bytes_max is not None:
        used, limit = measured.redis_bytes, measured.redis_bytes_max
        found["redis_memory_percent"] = {"": 100 * used / limit} if limit else {}
    return found
