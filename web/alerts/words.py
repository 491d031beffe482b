"""What alerts say to people: the names of measures, and what to do.

Each is a key of the translations; docs/operate.md has a runbook for each rule.
"""

from __future__ import annotations

from collections.abc import Callable

from web import format as figures
from web.alerts.measures import MEASURES
from wire.alerts import Alert, AlertState, Severity
from wire.text import escape_controls

Translate = Callable[[str], str]

NAMES = {
    "workers_active": "Workers that run",
    "worker_silent_seconds": "No sign of life",
    "worker_stuck_seconds": "All processes busy, nothing done",
    "worker_cpu_percent": "Processor",
    "worker_memory_percent": "Memory",
    "worker_uptime_seconds": "Started a short time ago",
    "queue_depth": "Messages waiting",
    "queue_growth": "Queue growing",
    "queue_unconsumed": "Messages that no worker takes",
    "queue_oldest_seconds": "Oldest message",
    "wait_p95_seconds": "Wait of tasks (95 of 100)",
    "dead_letters": "Messages put aside",
    "success_percent": "Tasks that end well",
    "failure_percent": "Tasks that fail",
    "failures_per_minute": "Failures a minute",
    "duration_p95_seconds": "Duration of tasks (95 of 100)",
    "retry_percent": "Tasks tried again",
    "timeout_percent": "Tasks that take too long",
    "timeouts_per_second": "Tasks ended by their time limit",
    "redis_memory_percent": "Memory of Redis",
    "catalog_trouble": "The catalog cannot be used",
    "scan_stalled_seconds": "Scan without progress",
    "cuts_per_minute": "Shown arguments are cut",
    "size_growth": "Arguments larger than last week",
    "message_bytes": "Largest message today",
    "not_serializable": "Values that JSON cannot hold",
}

HINTS = {
    "workers_active": "Nothing is worked on. Start a worker; its log says why the last one ended.",
    "worker_silent_seconds": "It was killed, its machine sleeps, or it cannot reach Redis.",
    "worker_stuck_seconds": "A disk or a service does not answer. Look at the running tasks; "
    "restart the worker if they never end.",
    "worker_cpu_percent": "Fewer processes, or a machine with more cores.",
    "worker_memory_percent": "Fewer processes, or a limit of memory for each.",
    "worker_uptime_seconds": "If nobody restarted it, its log says why it ended.",
    "queue_depth": "More work comes than is done: more processes or workers, or look for tasks "
    "that have become slow.",
    "queue_growth": "More work comes than is done.",
    "queue_unconsumed": "Start a worker for this queue.",
    "queue_oldest_seconds": "The workers of this queue are stuck or too few.",
    "wait_p95_seconds": "Add processes or workers; if tasks also take longer, look there first.",
    "dead_letters": "Somebody sends messages that no task can be made of: see the reasons.",
    "success_percent": "The list of tasks says which fail, and why.",
    "failure_percent": "The list of tasks says which fail, and why.",
    "failures_per_minute": "The list of tasks says why.",
    "duration_p95_seconds": "Look at the slowest tasks: a disk, a network or a service has "
    "become slow, or batches too large.",
    "retry_percent": "Something tasks depend on fails now and then: the reasons of the retries "
    "name it.",
    "timeout_percent": "Smaller batches, a longer limit, or a resource that hangs.",
    "timeouts_per_second": "Smaller batches, a longer limit, or a resource that hangs.",
    "redis_memory_percent": "When it is full, workers end. Raise maxmemory, or find the queue "
    "that has grown.",
    "catalog_trouble": "The disk is full, or the database does not answer. Scans go on by "
    "themselves.",
    "scan_stalled_seconds": "A slow disk or network does this. The scan can be stopped.",
    "cuts_per_minute": "Only the text in events and monitors is cut. The page of sizes says "
    "which limit to set.",
    "size_growth": "Its batches have grown: smaller ones, or ids instead of rows.",
    "message_bytes": "Redis holds it whole, and once more while it is worked on. Send ids.",
    "not_serializable": "The page of sizes says where, and what happened.",
}

_KINDS = {Severity.CRITICAL: "failure", Severity.WARNING: "warning", Severity.INFO: "info"}


def value(amount: float, measure: str, language: str) -> str:
    """An amount in the unit of its measure, as people write it."""
    unit = MEASURES[measure].unit if measure in MEASURES else ""
    match unit:
        case "s":
            return figures.duration(amount, language)
        case "B":
            return figures.size(amount, language)
        case "%":
            space = "\u00a0" if language == "fr" else ""
            return f"{figures.rate(amount, language)}{space}%"
        case "×":
            return f"×\u00a0{figures.rate(amount, language)}"
        case _:
            return f"{figures.rate(amount, language)}{unit}"


def sentence(alert: Alert, language: str, translate: Translate) -> str:
    """`Messages waiting: scan, 1,200 (limit 1,000)`, for a message outside of the page."""
    what = translate(NAMES.get(alert.measure, alert.rule))
    about = f"{escape_controls(alert.subject[:200])}, " if alert.subject else ""
    limit = translate("limit %s") % value(alert.threshold, alert.measure, language)
    return f"{what}: {about}{value(alert.value, alert.measure, language)} ({limit})"


def message(alerts: list[Alert], language: str, translate: Translate) -> tuple[str, str, str]:
    """Title, text and kind of one message about all of `alerts`, worst first."""
    lines = []
    for alert in alerts:
        over = alert.state is AlertState.RESOLVED
        sign = translate("over") if over else translate(alert.severity.value)
        lines.append(f"[{sign}] {sentence(alert, language, translate)}")
        if not over and alert.measure in HINTS:
            lines.append(f"    {translate(HINTS[alert.measure])}")
    firing = [alert for alert in alerts if alert.state is AlertState.FIRING]
    first = sentence((firing or alerts)[0], language, translate)
    title = f"Needle: {first}" if firing else f"Needle: {translate('over')}: {first}"
    more = len(alerts) - 1
    kind = _KINDS[firing[0].severity] if firing else "success"
    return title[:200] + (f" (+{more})" if more else ""), "\n".join(lines), kind
