"""The families of celery-exporter 0.12, name for name and label for label.

Its Grafana dashboards and its mixin then work unchanged.  `hostname` is what stands behind the
`@` of a worker's name: workers of one host are one series.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from web.metrics.exposition import Family
from web.metrics.measured import Measured
from web.metrics.tasks import TaskNames, buckets, task_names
from web.state import State
from wire.metrics import (
    RECEIVED,
    REJECTED,
    RETRY,
    REVOKED,
    SENT,
    STARTED,
    SUCCESS,
    HostTotals,
)

#: `hostname` where there are too many series to tell hosts apart: as celery-exporter's own switch.
GENERIC = "generic"

_STATUSES = {
    SENT: "sent",
    RECEIVED: "received",
    STARTED: "started",
    SUCCESS: "succeeded",
    RETRY: "retried",
    REVOKED: "revoked",
    REJECTED: "rejected",
}
_LABELS = ("name", "hostname", "queue_name")
#: Those of celery-exporter as far as Needle counts them, and beyond its 10 s.
RUNTIME_BOUNDS = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0,
)  # fmt: skip
#: Exactly those of celery-exporter.
WAIT_BOUNDS = (
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0,
)  # fmt: skip


def hostname(worker: str) -> str:
    """What stands behind the `@`."""
    return worker.partition("@")[2] or worker


def exporter_families(
    state: State, measured: Measured, hosts: Mapping[str, HostTotals]
) -> list[Family]:
    """Everything that celery-exporter tells but the queues: `hosts` by `name@host`."""
    names = task_names(measured)
    told = {f"@{GENERIC}": folded(measured)} if measured.folded else hosts
    return [*_task_families(names, told.items()), *_worker_families(state, measured)]


def folded(measured: Measured) -> HostTotals:
    """All hosts as one.  Totals know no queue: a task has one if it ever waited in one only."""
    totals = measured.totals
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for task, queue in totals.waits:
        seen[task].add(queue)
    queues = {task: min(found) for task, found in seen.items() if len(found) == 1}
    return HostTotals(
        tasks={(task, queues.get(task, ""), s): n for (task, s), n in totals.tasks.items()},
        failures={(task, queues.get(task, ""), e): n for (task, e), n in totals.failures.items()},
        runtimes={
            (task, queues.get(task, "")): found
            for (task, status), found in totals.durations.items()
            if status == SUCCESS
        },
        waits=totals.waits,
    )


def _task_families(names: TaskNames, hosts: Iterable[tuple[str, HostTotals]]) -> list[Family]:
    counters = {
        status: Family(f"celery_task_{word}_total", "counter", f"Tasks {word}.", _LABELS)
        for status, word in _STATUSES.items()
    }
    from_zero = [family for status, family in counters.items() if status != SENT]
    failed = Family(
        "celery_task_failed_total",
        "counter",
        "Tasks failed.",
        ("name", "hostname", "exception", "queue_name"),
    )
    runtime = Family("celery_task_runtime", "histogram", "Seconds that tasks ran.", _LABELS)
    wait = Family("celery_task_queue_wait_time", "histogram", "Seconds that tasks waited.", _LABELS)
    for worker, host in hosts:
        at = hostname(worker)
        taken = {
            (names(task), queue): None
            for task, queue, status in host.tasks
            if status in (RECEIVED, STARTED)
        }
        for name, queue in taken:  # the others are there from then on, at 0
            for family in from_zero:
                family.add(0, name, at, queue)
            failed.add(0, name, at, "", queue)
        for (task, queue, status), number in host.tasks.items():
            if status in counters:
                counters[status].add(number, names(task), at, queue)
        for (task, queue, exception), number in host.failures.items():
            failed.add(number, names(task), at, exception, queue)
        for (task, queue), histogram in host.runtimes.items():
            runtime.observe(buckets(histogram, RUNTIME_BOUNDS), names(task), at, queue)
        for (task, queue), histogram in host.waits.items():
            wait.observe(buckets(histogram, WAIT_BOUNDS), names(task), at, queue)
    return [*counters.values(), failed, runtime, wait]


def _worker_families(state: State, measured: Measured) -> list[Family]:
    """A host is up while one of its workers beats, and down until all were silent for 10 min."""
    up = Family("celery_worker_up", "gauge", "Whether a worker of it beats.", ("hostname",))
    active = Family(
        "celery_worker_tasks_active", "gauge", "Tasks that its workers run now.", ("hostname",)
    )
    for name in gone_workers(state, measured):
        up.add(0, hostname(name))
    for worker in state.workers:
        host = hostname(worker.beat.worker)
        up.add(0, host)
        if not worker.silent:
            up.set(1, host)
            active.add(max(0, worker.beat.busy), host)
    return [up, active]


def gone_workers(state: State, measured: Measured) -> list[str]:
    """Workers that counted in the last 10 minutes and of which no beat is known."""
    beating = {worker.beat.worker for worker in state.workers}
    return sorted(
        name for name in measured.flushed if name not in beating and not is_producer(name)
    )


def is_producer(name: str) -> bool:
    """Whether this counted what it sent, and was no worker."""
    return name.partition("@")[0] == "producer"
