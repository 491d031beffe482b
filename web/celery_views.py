"""Tasks, workers, queues and health as the API shows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from web.celery_tasks import FoundTask
from web.health import Verdict, growth
from web.metrics.measured import Measured, QueueMeasures
from web.metrics.tasks import TaskNames, task_names
from web.state import State
from web.views import iso
from wire.events import WorkerBeat
from wire.metrics import FAILURE, RETRY, REVOKED, SUCCESS, TIMEOUT, Histogram
from wire.sentences import Sentence
from wire.tasks import SUCCESS as SUCCEEDED

Json = dict[str, Any]

_COUNTED = (SUCCESS, FAILURE, RETRY, REVOKED, TIMEOUT)


def tasks_json(state: State) -> Json:
    """What workers have in their hands."""
    beats = _beats(state)
    active = sum(max(0, beat.busy) for beat in beats)
    reserved = sum(max(0, beat.reserved) for beat in beats)
    scheduled = sum(max(0, beat.scheduled) for beat in beats)
    return {
        "timestamp": iso(state.at),
        "summary": {
            "active": active,
            "reserved": reserved,
            "scheduled": scheduled,
            "total_pending": active + reserved + scheduled,
        },
        "active_tasks": [
            {
                "worker": beat.worker,
                "task_id": task.task_id,
                "task_name": task.name,
                "time_start": task.since,
            }
            for beat in beats
            for task in beat.running
        ],
        "workers": [beat.worker for beat in beats],
    }


def task_json(task: FoundTask) -> Json:
    """One task."""
    record = task.record
    return {
        "task_id": record.id,
        "state": record.state,
        "ready": task.ready,
        "successful": record.state == SUCCEEDED,
        "result": task.result,
        "error": record.exception,
        "task_name": record.name,
        "worker": record.worker,
        "queue": record.queue,
        "retries": record.retries,
        "sent_at": iso(record.sent_at),
        "started_at": iso(record.started_at),
        "finished_at": iso(record.finished_at),
        "runtime_seconds": record.runtime_seconds,
    }


def workers_json(state: State) -> Json:
    """Every worker; one that missed its beats is silent, which is not the same as gone."""
    return {
        "timestamp": iso(state.at),
        "total_workers": len(state.workers),
        "workers": [
            {
                "name": worker.beat.worker,
                "status": "silent" if worker.silent else "online",
                "pool": {
                    "max_concurrency": worker.beat.processes_max or worker.beat.processes,
                    "busy_workers": worker.beat.busy,
                },
                "prefetch_count": worker.beat.prefetch,
            }
            for worker in state.workers
        ],
    }


def queues_json(state: State, measured: Measured) -> Json:
    """Every queue; `null` is what is not known."""
    beats = _beats(state)
    return {
        "timestamp": iso(measured.at),
        "total_pending": sum(queue.waiting or 0 for queue in measured.queues),
        "in_flight": measured.in_flight,
        "oldest_in_flight_seconds": _rounded(measured.oldest_in_flight_seconds),
        "queues": [_queue_json(queue, beats, measured) for queue in measured.queues],
    }


def summary_json(state: State, measured: Measured) -> Json:
    """Everything in short."""
    beats, names, held = _beats(state), task_names(measured), tasks_json(state)["summary"]
    totals: Counter[str] = Counter(dict.fromkeys(_COUNTED, 0))
    for (_, status), number in measured.totals.tasks.items():
        totals[status] += number
    return {
        "timestamp": iso(measured.at),
        "workers": {
            "total": len(state.workers),
            "active": len(beats),
            "pool_size": sum(max(0, beat.processes) for beat in beats),
            "pool_busy": sum(max(0, beat.busy) for beat in beats),
            "memory_bytes": sum(max(0, beat.rss_bytes) for beat in beats),
        },
        "tasks": {
            **{key: held[key] for key in ("active", "reserved", "scheduled")},
            "total": dict(totals),
            "by_name": _by_name(names, measured),
        },
        "queues": {queue.name: queue.waiting for queue in measured.queues},
        "in_flight": measured.in_flight,
    }


def health_json(verdict: Verdict, at: float, tell: Callable[[Sentence], str]) -> Json:
    """The verdict, its sentences put into words by `tell`."""
    return {
        "status": verdict.health.value,
        "message": tell(verdict.message),
        "workers": verdict.workers,
        "broker_connected": verdict.broker_connected,
        "timestamp": iso(at),
        "reasons": [
            {"code": reason.code, "status": reason.health.value, "message": tell(reason.said)}
            for reason in verdict.reasons
        ],
    }


def _queue_json(queue: QueueMeasures, beats: list[WorkerBeat], measured: Measured) -> Json:
    taking = [beat for beat in beats if queue.name in beat.queues]
    return {
        "name": queue.name,
        "length": queue.waiting,
        "consumers": len(taking),
        "processes": sum(max(0, beat.processes) for beat in taking),
        "oldest_seconds": _rounded(queue.oldest_seconds),
        "growth_per_second": _rounded(growth(queue, measured)),
        "memory_bytes": queue.memory_bytes,
    }


def _by_name(names: TaskNames, measured: Measured) -> Json:
    counts: dict[str, dict[str, int]] = {name: dict.fromkeys(_COUNTED, 0) for name in names}
    ran: dict[str, Histogram] = {}
    for (task, status), number in measured.totals.tasks.items():
        found = counts.setdefault(names(task), {})
        found[status] = found.get(status, 0) + number
    for (task, _), histogram in measured.totals.durations.items():
        name = names(task)
        ran[name] = ran[name] + histogram if name in ran else histogram
    return {
        name: {
            "total": found,
            "failures_per_minute": _rounded(measured.failures_a_minute.get(name, 0.0)),
            **_seconds_json(ran.get(name, Histogram())),
        }
        for name, found in counts.items()
    }


def _seconds_json(ran: Histogram) -> Json:
    """How long tasks ran; `null` when none did."""
    return {
        "mean_seconds": _rounded(ran.mean),
        **{f"p{part}_seconds": _rounded(ran.quantile(part / 100)) for part in (50, 95, 99)},
    }


def _beats(state: State) -> list[WorkerBeat]:
    return [worker.beat for worker in state.workers if not worker.silent]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
