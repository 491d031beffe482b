"""The report of sizes and the limits as the JSON API shows them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from web.views import Json, iso
from wire.json_errors import explain
from wire.payloads import DEFAULT_LIMITS, Finding, Largest, SizeLimits
from wire.size_alerts import SizeAlert, size_alerts
from wire.size_report import KindReport, SizeReport, TaskReport
from wire.sizes import DEFAULT_CEILING, TABLE, Recommendation


def report_json(report: SizeReport) -> Json:
    """The whole report; sentences are English."""
    together = report.together
    largest = report.largest_task
    return {
        "at": iso(report.at),
        "since": iso(report.since),
        "answer": report.answer().told(),
        "verdict": report.verdict.value,
        "analysed": together.analysed,
        "cut": together.cut,
        "not_json": together.not_json,
        "limits": limits_json(report.limits),
        "recommended": dict(zip(("args", "kwargs"), report.advised, strict=True)),
        "largest": _largest_json(largest) if largest else None,
        "all": _task_json(together),
        "tasks": [_task_json(task) for task in report.tasks],
        "alerts": [_alert_json(alert) for alert in size_alerts(report)],
        "findings": [_finding_json(finding) for finding in report.findings],
        "cut_per_minute": {
            "before": report.proof.before,
            "after": report.proof.after,
            "minutes": [{"at": iso(at), "cut": cut} for at, cut in report.proof.minutes],
        },
        "table": [
            {"limit": step.limit, "title": step.title, "justification": step.justification.told()}
            for step in TABLE
        ],
    }


def limits_json(limits: SizeLimits | None) -> Json:
    """The limits in force, who set them and when; `set` is false while nobody has."""
    now = limits or DEFAULT_LIMITS
    before = None
    if now.previous_args and now.previous_kwargs:
        before = {"args": now.previous_args, "kwargs": now.previous_kwargs}
    return {
        "args": now.args,
        "kwargs": now.kwargs,
        "set": limits is not None,
        "set_by": now.set_by or None,
        "set_at": iso(now.set_at or None),
        "automatic": now.automatic,
        "ceiling": now.ceiling or DEFAULT_CEILING,
        "previous": before,
    }


def _task_json(task: TaskReport) -> Json:
    return {
        "task": task.task,
        "analysed": task.analysed,
        "cut": task.cut,
        "not_json": task.not_json,
        "args": _kind_json(task.args),
        "kwargs": _kind_json(task.kwargs),
        "wire_bytes": asdict(task.wire_bytes),
        "result_bytes": asdict(task.result_bytes),
        "days": [asdict(day) for day in task.days],
    }


def _kind_json(kind: KindReport) -> Json:
    return {
        "chars": asdict(kind.chars),
        "utf8_bytes": asdict(kind.payload_bytes),
        "repr_chars": asdict(kind.repr_chars),
        "cut": kind.cut,
        "limit": kind.limit,
        "recommended": recommendation_json(kind.advised),
        "histogram": [asdict(bar) for bar in kind.bars],
        "largest": _who_json(kind.longest),
    }


def recommendation_json(advised: Recommendation) -> Json:
    """A recommendation, with why, what is better, and what it costs."""
    return {
        "limit": advised.limit,
        "need": advised.need,
        "largest": advised.largest,
        "basis": advised.basis.value,
        "justification": advised.justification.told(),
        "why": advised.why().told(),
        "advice": [sentence.told() for sentence in advised.advice()],
        "messages": advised.messages,
        "batch_items": advised.batch_items,
        "cost": asdict(advised.cost),
    }


def _largest_json(task: TaskReport) -> Json:
    larger = task.larger
    return {
        "task": task.task,
        "kind": larger.kind,
        "chars": larger.chars.largest,
        "who": _who_json(larger.longest),
    }


def _who_json(largest: Largest | None) -> Json | None:
    return asdict(largest) | {"at": iso(largest.at or None)} if largest else None


def _alert_json(alert: SizeAlert) -> Json:
    return {
        "rule": alert.rule.value,
        "task": alert.task,
        "message": alert.told.told(),
        "meaning": alert.meaning.told(),
    }


def _finding_json(finding: Finding) -> Json:
    found: dict[str, Any] = asdict(finding)
    return found | {"at": iso(finding.at or None), "meaning": explain(finding).told()}
