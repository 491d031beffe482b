"""The rules of alerts: Needle's own, and the one file that changes them.

The file is TOML.  A table `[rules.NAME]` changes one of Needle's rules, or makes another.
"""

from __future__ import annotations

import dataclasses
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from web.alerts.measures import MEASURES
from wire.alerts import Severity

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
#: A rule is met again only when its value is this part of the threshold better.
HYSTERESIS = 0.1
LONGEST_SECONDS = 7 * DAY
RULES_MAX = 200
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")

_UNITS = {"s": 1.0, "min": MINUTE, "h": HOUR, "d": DAY}
_DURATION = re.compile(r"(\d+(?:\.\d+)?) ?(s|min|h|d)")


class RuleError(ValueError):
    """What is wrong in the file, in one line."""


@dataclass(frozen=True, slots=True)
class Rule:
    """When to say something about one measure."""

    name: str
    measure: str
    threshold: float
    below: bool = False  #: fires below the threshold, not above
    clear: float | None = None  #: is over at this value; None: `HYSTERESIS` better
    for_seconds: float = 0.0  #: how long it must last
    severity: Severity = Severity.WARNING
    subject: str = "*"  #: which queues, workers or tasks, as a pattern
    enabled: bool = True

    def breaks(self, value: float) -> bool:
        """Whether `value` is beyond the threshold."""
        return value < self.threshold if self.below else value > self.threshold

    def is_clear(self, value: float) -> bool:
        """Whether `value` is so good again that the alert may end."""
        clear = self.clear
        if clear is None:
            better = abs(self.threshold) * HYSTERESIS
            clear = self.threshold + better if self.below else self.threshold - better
        return value >= clear if self.below else value <= clear


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """What the file says."""

    rules: tuple[Rule, ...]
    notify: tuple[str, ...] = ()  #: addresses in the form of apprise: they hold secrets
    repeat_seconds: float = DAY  #: an alert that goes on is told again after this; 0: never


#: The thresholds of the two guides this began with, then Needle's own.  docs/operate.md has a
#: runbook for each.
RULES = (
    Rule("CeleryNoWorkersRunning", "workers_active", 1, below=True, clear=1,
         for_seconds=2 * MINUTE, severity=Severity.CRITICAL),
    Rule("CeleryWorkerDown", "worker_silent_seconds", 60, clear=0, severity=Severity.CRITICAL),
    Rule("CeleryWorkerStuck", "worker_stuck_seconds", 10 * MINUTE, clear=0,
         severity=Severity.CRITICAL),
    Rule("CeleryWorkerHighCPU", "worker_cpu_percent", 90, for_seconds=10 * MINUTE),
    Rule("CeleryWorkerHighMemory", "worker_memory_percent", 85, for_seconds=10 * MINUTE),
    Rule("CeleryWorkerRestarted", "worker_uptime_seconds", 5 * MINUTE, below=True,
         clear=5 * MINUTE, severity=Severity.INFO),
    Rule("CeleryQueueBacklog", "queue_depth", 5000, for_seconds=10 * MINUTE,
         severity=Severity.CRITICAL),
    Rule("CeleryQueueDeep", "queue_depth", 1000, for_seconds=10 * MINUTE),
    Rule("QueueBacklog", "queue_depth", 100, for_seconds=10 * MINUTE),
    Rule("CeleryQueueGrowing", "queue_growth", 10, for_seconds=5 * MINUTE),
    Rule("CeleryQueueUnconsumed", "queue_unconsumed", 0, clear=0, for_seconds=2 * MINUTE,
         severity=Severity.CRITICAL),
    Rule("CeleryLongWait", "wait_p95_seconds", 60, for_seconds=5 * MINUTE),
    Rule("CeleryOldMessage", "queue_oldest_seconds", 15 * MINUTE, for_seconds=MINUTE),
    Rule("CeleryDeadLetters", "dead_letters", 100),
    Rule("CeleryHighFailureRate", "failure_percent", 20, for_seconds=5 * MINUTE,
         severity=Severity.CRITICAL),
    Rule("CeleryFailureRate", "failure_percent", 5, for_seconds=5 * MINUTE),
    Rule("CeleryLowSuccessRate", "success_percent", 95, below=True, clear=96,
         for_seconds=5 * MINUTE),
    Rule("HighTaskFailureRate", "failures_per_minute", 10, for_seconds=5 * MINUTE),
    Rule("CelerySlowTasks", "duration_p95_seconds", 300, for_seconds=15 * MINUTE),
    Rule("CeleryRetryRate", "retry_percent", 10, for_seconds=5 * MINUTE),
    Rule("CeleryTimeoutRate", "timeout_percent", 1, for_seconds=5 * MINUTE),
    Rule("TaskTimeout", "timeouts_per_second", 0.1, for_seconds=5 * MINUTE),
    Rule("RedisMemoryHigh", "redis_memory_percent", 80, for_seconds=5 * MINUTE),
    Rule("RedisMemoryFull", "redis_memory_percent", 95, for_seconds=MINUTE,
         severity=Severity.CRITICAL),
    Rule("CatalogUnusable", "catalog_trouble", 0, clear=0, for_seconds=MINUTE,
         severity=Severity.CRITICAL),
    Rule("ScanStalled", "scan_stalled_seconds", 10 * MINUTE, clear=0),
    Rule("TaskArgumentsCut", "cuts_per_minute", 0, clear=0, severity=Severity.INFO),
    Rule("TaskMessageGrew", "size_growth", 2, clear=1.9),
    Rule("TaskMessageLarge", "message_bytes", 1024 * 1024),
    Rule("TaskNotSerializable", "not_serializable", 0, clear=0),
)  # fmt: skip


def parse(text: str, defaults: tuple[Rule, ...] = RULES) -> AlertSettings:
    """What a file says, on top of `defaults`.

    Raises:
        RuleError: it is no TOML, or names something that does not exist.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RuleError(f"not TOML: {error}") from None
    _only(document, {"rules", "notify", "repeat"}, "the file")
    tables = document.get("rules", {})
    if not isinstance(tables, dict) or len(tables) > RULES_MAX:
        raise RuleError(f"rules: at most {RULES_MAX} tables [rules.NAME] are needed")
    rules = {rule.name: rule for rule in defaults}
    for name, table in tables.items():
        rules[name] = _rule(name, table, rules.get(name))
    return AlertSettings(
        rules=tuple(rules.values()),
        notify=_addresses(document.get("notify", [])),
        repeat_seconds=_seconds(document.get("repeat", "1 d"), "repeat"),
    )


def _rule(name: str, table: object, known: Rule | None) -> Rule:
    where = f"rule {name!r}"
    if not NAME.fullmatch(name):
        raise RuleError(f"{where}: a name of letters, digits, - and _ is needed")
    if not isinstance(table, dict):
        raise RuleError(f"{where}: a table [rules.{name}] is needed")
    _only(
        table,
        {"measure", "above", "below", "clear", "for", "severity", "subject", "enabled"},
        where,
    )
    if "above" in table and "below" in table:
        raise RuleError(f"{where}: above or below, not both")
    if known is None and not ("measure" in table and ("above" in table or "below" in table)):
        raise RuleError(f"{where}: Needle has no such rule; a new one needs measure and above")
    rule = dataclasses.replace(known or Rule(name, "", 0.0), **_changes(table, where))
    if rule.measure not in MEASURES:
        raise RuleError(f"{where}: measure: one of {', '.join(sorted(MEASURES))} is needed")
    if rule.clear is not None and rule.breaks(rule.clear):
        raise RuleError(f"{where}: clear: {rule.clear:g} is beyond the threshold itself")
    return rule


def _changes(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The fields of a Rule that a table sets."""
    changes: dict[str, Any] = {}
    for key in ("above", "below"):
        if key in table:
            # A threshold of one's own brings its own hysteresis.
            changes |= {
                "threshold": _number(table[key], f"{where}: {key}"),
                "below": key == "below",
                "clear": None,
            }
    if "clear" in table:
        changes["clear"] = _number(table["clear"], f"{where}: clear")
    if "for" in table:
        changes["for_seconds"] = _seconds(table["for"], f"{where}: for")
    if "enabled" in table:
        if not isinstance(table["enabled"], bool):
            raise RuleError(f"{where}: enabled: true or false is needed")
        changes["enabled"] = table["enabled"]
    if "severity" in table:
        if table["severity"] not in tuple(Severity):
            raise RuleError(f"{where}: severity: one of {', '.join(Severity)} is needed")
        changes["severity"] = Severity(table["severity"])
    for key in ("measure", "subject"):
        if key in table:
            if not isinstance(table[key], str) or not 0 < len(table[key]) <= 200:
                raise RuleError(f"{where}: {key}: a text is needed")
            changes[key] = table[key]
    return changes


def _only(table: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise RuleError(f"{where}: {key!r} is not known; {', '.join(sorted(known))} are")


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise RuleError(f"{where}: a number is needed")
    return float(value)


def _seconds(value: object, where: str) -> float:
    """`"90 s"`, `"5 min"`, `"1 h"`, `"2 d"`, or a number of seconds."""
    if isinstance(value, str):
        found = _DURATION.fullmatch(value.strip())
        seconds = float(found[1]) * _UNITS[found[2]] if found else math.nan
    else:
        seconds = _number(value, where)
    if not 0 <= seconds <= LONGEST_SECONDS:
        raise RuleError(f'{where}: a time such as "5 min" is needed, at most 7 days')
    return seconds


def _addresses(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise RuleError("notify: a list of addresses is needed")
    for address in value:
        if "://" not in address:
            raise RuleError("notify: an address begins with its service: ntfy://…, mailto://…")
    return tuple(value)
