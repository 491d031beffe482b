"""Records as the JSON API shows them.  Times are ISO 8601 in UTC, durations are seconds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from web.rates import files_per_second
from web.snapshot import problems_total
from web.state import State
from wire.events import Problem, RootStatus, Scan
from wire.outcomes import Outcome
from wire.refusals import RefusedMessage

Json = dict[str, Any]


def iso(at: float | None) -> str | None:
    """Epoch seconds as `2026-11-21T01:02:03.456Z`; None for none and for what is no time."""
    if at is None:
        return None
    try:
        when = datetime.fromtimestamp(at, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def scan_json(scan: Scan) -> Json:
    """One scan."""
    counts = {outcome.value: scan.counts.get(outcome, 0) for outcome in Outcome}
    return {
        "id": scan.id,
        "root_id": scan.root_id,
        "root": scan.root,
        "folder": scan.folder,
        "mode": scan.mode.value,
        "state": scan.state.value,
        "reason": scan.reason,
        "requested_by": scan.requested_by,
        "requested_at": iso(scan.requested_at),
        "started_at": iso(scan.started_at),
        "discovered_at": iso(scan.discovered_at),
        "finished_at": iso(scan.finished_at),
        "updated_at": iso(scan.updated_at),
        "waited_seconds": _between(scan.requested_at, scan.started_at),
        "duration_seconds": _between(scan.started_at, scan.finished_at or scan.updated_at),
        "files_per_second": files_per_second(scan),
        "files_found": scan.files_found,
        "folders_found": scan.folders_found,
        "other_files": scan.other_files,
        "bytes_read": scan.bytes_read,
        "counts": {"files_found": scan.files_found, **counts},
        "problems": problems_total(scan, 0),
        "known_problems": scan.known_problems,
        "mark_anyway": scan.mark_anyway,
        "would_mark": scan.would_mark,
        "formats": dict(scan.formats),
        "stages": [
            {
                "stage": stage.key,
                "done": stage.done,
                "total": stage.total,
                "waiting": stage.waiting,
                "failed": stage.failed,
            }
            for stage in scan.stages
        ],
        "reasons": [
            {"outcome": r.outcome, "error_class": r.error_class, "files": r.files}
            for r in scan.reasons
        ],
    }


def problem_json(problem: Problem) -> Json:
    """One problem."""
    return {
        "id": problem.id,
        "path": problem.path,
        "outcome": problem.outcome,
        "error_class": problem.error_class,
        "message": problem.message,
        "size_bytes": problem.size_bytes,
        "at": iso(problem.at),
    }


def status_json(state: State) -> Json:
    """Redis, workers, queues, folders and the scans at work."""
    return {
        "phase": state.phase.value,
        "at": iso(state.at),
        "redis": {
            "ok": state.redis_ok,
            "error": state.redis_error,
            "fresh_at": iso(state.fresh_at) if state.fresh_at else None,
        },
        "catalog": {"ok": not state.catalog_error, "error": state.catalog_error},
        "workers": [
            {
                "name": worker.beat.worker,
                "silent": worker.silent,
                "version": worker.beat.version,
                "pid": worker.beat.pid,
                "queues": list(worker.beat.queues),
                "processes": worker.beat.processes,
                "processes_max": worker.beat.processes_max,
                "busy": worker.beat.busy,
                "rss_bytes": worker.beat.rss_bytes,
                "cpu_percent": worker.beat.cpu_percent,
                "tasks_done": worker.beat.tasks_done,
                "started_at": iso(worker.beat.started_at),
            }
            for worker in state.workers
        ],
        "queues": [
            {"name": queue.name, "waiting": queue.waiting, "consumers": queue.consumers}
            for queue in state.queues
        ],
        "in_flight": state.in_flight,
        "refused_messages": {
            "count": state.refused,
            "last": _refused_json(state.last_refused) if state.last_refused else None,
        },
        "roots": [_root_json(root) for root in state.roots],
        "active_scans": [scan_json(scan) for scan in state.active],
        "files_per_second": state.rate.files_per_second,
        "eta_seconds": state.rate.eta_seconds,
    }


def _refused_json(message: RefusedMessage) -> Json:
    return {
        "at": iso(message.at),
        "source": message.source,
        "reason": message.kind.value,
        "detail": message.detail,
        "size_bytes": message.size_bytes,
    }


def _root_json(root: RootStatus) -> Json:
    return {
        "id": root.id,
        "path": root.display,
        "readable": root.readable,
        "message": root.message,
        "entries": root.entries,
        "known_files": root.known_files,
        "missing_files": root.missing_files,
        "checked_at": iso(root.checked_at) if root.checked_at else None,
    }


def _between(start: float | None, end: float | None) -> float | None:
    """Seconds from `start` to `end`, None if one is missing; never negative."""
    if start is None or end is None:
        return None
    return round(max(end - start, 0.0), 3)
