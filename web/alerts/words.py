"""What alerts say to people: the names of measures, and what to do.

Each is a key of the translations; docs/operate.md has a runbook for each rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from web import format as figures
from web.alerts.measures import MEASURES
from web.alerts.notify import Message
from wire.alerts import Alert, AlertState, Severity
from wire.text import escape_controls

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

#: What else messages say.
SENTENCE = "%(what)s: %(about)s%(value)s (limit %(limit)s)"
OVER = "over"
TEST = "This is a test. Alerts of Needle will arrive here."
OTHERS = (SENTENCE, OVER, TEST, *(severity.value for severity in Severity))

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
            return f"{_number(amount, language)}{space}%"
        case "×":
            return f"×\u00a0{_number(amount, language)}"
        case _:
            return f"{_number(amount, language)}{unit}"


def _number(amount: float, language: str) -> str:
    """One decimal where there is one to see."""
    return figures.number(amount, language, decimals=0 if amount >= 10 or amount % 1 == 0 else 1)


@dataclass(frozen=True, slots=True)
class Words:
    """Alerts as messages in one language, for outside of the page."""

    language: str
    translate: Callable[[str], str]

    def sentence(self, alert: Alert) -> str:
        """`Messages waiting: scan, 1,200 (limit 1,000)`."""
        what = self.translate(NAMES.get(alert.measure, alert.rule))
        about = f"{escape_controls(alert.subject[:200])}, " if alert.subject else ""
        return self.translate(SENTENCE) % {
            "what": what,
            "about": about,
            "value": value(alert.value, alert.measure, self.language),
            "limit": value(alert.threshold, alert.measure, self.language),
        }

    def message(self, alerts: Sequence[Alert]) -> Message:
        """One message about all of `alerts`, worst first; at least one is needed."""
        firing = [alert for alert in alerts if alert.state is AlertState.FIRING]
        lines = [line for alert in alerts for line in self._lines(alert)]
        first = self.sentence((firing or alerts)[0])
        title = first if firing else f"{self.translate(OVER)}: {first}"
        more = f" (+{len(alerts) - 1})" if len(alerts) > 1 else ""
        kind = _KINDS[firing[0].severity] if firing else "success"
        return Message(f"Needle: {title[:200]}{more}", "\n".join(lines), kind)

    def test(self) -> Message:
        """What is sent to see whether messages arrive."""
        return Message("Needle", self.translate(TEST))

    def _lines(self, alert: Alert) -> list[str]:
        over = alert.state is AlertState.RESOLVED
        sign = self.translate(OVER if over else alert.severity.value)
        hint = "" if over else HINTS.get(alert.measure, "")
        line = f"[{sign}] {self.sentence(alert)}"
        return [line, f"    {self.translate(hint)}"] if hint else [line]
