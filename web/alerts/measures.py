"""What rules may watch: each measure with its unit and what it is about."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """Something with a value: for the whole, or for each queue, worker or task."""

    unit: str  #: see `web.alerts.words`
    of: str  #: `queue`, `worker`, `task`, `folder`, or "": the whole
    help: str


#: Shares and quantiles are those of the last five minutes, taken from what is rolled up a minute.
MEASURES = {
    "workers_active": Measure("", "", "Workers whose heartbeat is fresh."),
    "worker_silent_seconds": Measure("s", "worker", "Time since the last heartbeat."),
    "worker_stuck_seconds": Measure(
        "s", "worker", "How long a worker with all its processes busy has ended no task."
    ),
    "worker_cpu_percent": Measure("%", "worker", "CPU, of the cores that its pool can use."),
    "worker_memory_percent": Measure("%", "worker", "Resident memory, of what the machine has."),
    "worker_uptime_seconds": Measure("s", "worker", "Time since it started."),
    "queue_depth": Measure("", "queue", "Messages waiting, all priorities together."),
    "queue_growth": Measure("/s", "queue", "Messages more each second, over the last minute."),
    "queue_unconsumed": Measure("", "queue", "Messages waiting where no worker takes any."),
    "queue_oldest_seconds": Measure("s", "queue", "Age of the oldest message that waits."),
    "wait_p95_seconds": Measure("s", "queue", "95 of 100 tasks waited no longer."),
    "dead_letters": Measure("", "", "Messages that were refused and put aside."),
    "success_percent": Measure("%", "", "Tasks that ended well, of those that ended."),
    "failure_percent": Measure("%", "", "Tasks that failed, of those that ended."),
    "failures_per_minute": Measure("/min", "task", "Failures in the last full minute."),
    "duration_p95_seconds": Measure("s", "", "95 of 100 tasks took no longer."),
    "retry_percent": Measure("%", "", "Runs that end in a retry, of all runs."),
    "timeout_percent": Measure("%", "", "Tasks ended by their time limit, of those that ended."),
    "timeouts_per_second": Measure("/s", "task", "Tasks ended by their time limit."),
    "redis_memory_percent": Measure("%", "", "Memory that Redis uses, of its limit."),
    "catalog_trouble": Measure("", "", "1 while the catalog cannot be used."),
    "scan_stalled_seconds": Measure("s", "folder", "How long a scan has made no progress."),
    "cuts_per_minute": Measure("/min", "task", "Tasks whose shown arguments are cut."),
    "size_growth": Measure("×", "task", "Largest arguments today against those of last week."),
    "message_bytes": Measure("B", "task", "Largest message of today."),
    "not_serializable": Measure("", "task", "Values that JSON cannot hold, in the last hour."),
}
