"""Families about workers: how many, their pools, what they take of their machine.

Of a worker that is silent only its silence is known: it has no other samples.
"""

from __future__ import annotations

from collections.abc import Callable

from web.metrics.exporter import gone_workers
from web.metrics.exposition import Family
from web.metrics.measured import Measured
from web.state import State
from wire.events import WorkerBeat


def stuck_seconds(beat: WorkerBeat) -> float:
    """Seconds in which a worker with no free process has ended nothing; 0 when it has one."""
    if not beat.processes_max or beat.busy < beat.processes_max or beat.oldest_running_at is None:
        return 0.0
    # Both times are the worker's own: its clock may be hours off.
    return max(beat.at - max(beat.oldest_running_at, beat.done_at or 0.0), 0.0)


#: Name, kind, help, and what of a beat it is.
_OF_A_BEAT: tuple[tuple[str, str, str, Callable[[WorkerBeat], float | None]], ...] = (
    ("celery_worker_pool_size", "gauge", "Processes or threads of its pool.",
     lambda beat: beat.processes),
    ("celery_worker_pool_busy", "gauge", "Tasks that it runs now.", lambda beat: beat.busy),
    ("celery_worker_prefetch_count", "gauge", "Messages it may hold at once, 0: no limit.",
     lambda beat: beat.prefetch),
    ("celery_worker_reserved_tasks", "gauge", "Tasks that it holds and has not begun.",
     lambda beat: beat.reserved),
    ("celery_worker_scheduled_tasks", "gauge", "Tasks that it holds until their time comes.",
     lambda beat: beat.scheduled),
    ("celery_worker_memory_bytes", "gauge", "Resident memory of it and its pool.",
     lambda beat: beat.rss_bytes),
    ("celery_worker_memory_limit_bytes", "gauge", "Memory of its machine or container.",
     lambda beat: beat.memory_total_bytes or None),
    ("celery_worker_cpu_percent", "gauge", "CPU of it and its pool, 100 is one core.",
     lambda beat: beat.cpu_percent),
    ("celery_worker_cores", "gauge", "Cores of its machine.", lambda beat: beat.cores or None),
    ("celery_worker_disk_read_bytes_total", "counter", "What it and its pool read from disks.",
     lambda beat: beat.disk_read_bytes),
    ("celery_worker_disk_written_bytes_total", "counter", "What it and its pool wrote to disks.",
     lambda beat: beat.disk_written_bytes),
    ("celery_worker_processes", "gauge", "Processes of the system: it and its children.",
     lambda beat: beat.system_processes or None),
    ("celery_worker_registered_tasks", "gauge", "Kinds of tasks that it knows.",
     lambda beat: beat.registered),
    ("celery_worker_stuck_seconds", "gauge",
     "For how long a pool without a free process has ended no task, 0: it has one.",
     lambda beat: round(stuck_seconds(beat), 3)),
    ("celery_worker_start_time_seconds", "gauge", "When it started, in seconds since the epoch.",
     lambda beat: beat.started_at),
)  # fmt: skip


def worker_families(state: State, measured: Measured) -> list[Family]:
    """Everything about workers by their own names."""
    beats = [worker.beat for worker in state.workers if not worker.silent]
    gone = gone_workers(state, measured)
    active = Family("celery_workers_active", "gauge", "Workers that beat.")
    active.set(len(beats))
    total = Family("celery_workers_total", "gauge", "Workers that beat, or did 10 minutes ago.")
    total.set(len(state.workers) + len(gone))
    told = [active, total]
    for name, kind, help_, value in _OF_A_BEAT:
        family = Family(name, kind, help_, ("worker_name",))
        for beat in beats:
            found = value(beat)
            family.set(None if found is None else max(0, found), beat.worker)
        told.append(family)
    uptime = Family("celery_worker_uptime_seconds", "gauge", "Since it started.", ("worker_name",))
    for beat in beats:
        uptime.set(max(0.0, round(beat.at - beat.started_at, 3)), beat.worker)
    return [*told, uptime]
