"""Alerts as they lie in Redis: what fires, since when, and who has seen it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is, worst first."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class AlertState(StrEnum):
    """Where an alert is in its life."""

    PENDING = "pending"  #: beyond its threshold, but not for long enough
    FIRING = "firing"
    RESOLVED = "resolved"  #: over, and shown for a while


@dataclass(frozen=True, slots=True)
class Alert:
    """One rule about one thing: a queue, a worker, a task, or the whole."""

    rule: str  #: name of the rule
    measure: str  #: see `web.alerts.measures.MEASURES`
    subject: str  #: the queue, worker or task; "": the whole
    severity: Severity
    state: AlertState
    value: float  #: as it was last known, in the unit of the measure
    threshold: float
    below: bool = False  #: it fires below its threshold, not above
    pending_at: float = 0.0
    fired_at: float | None = None
    clear_at: float | None = None  #: since when it has been better, while it still fires
    resolved_at: float | None = None
    told_at: float | None = None  #: when somebody was told of it last
    acknowledged_at: float | None = None
    acknowledged_by: str = ""

    @property
    def id(self) -> str:
        """Name of the rule, and what it is about."""
        return f"{self.rule}:{self.subject}" if self.subject else self.rule


@dataclass(frozen=True, slots=True)
class Silence:
    """Nobody is told of an alert, or of a whole rule, until a moment."""

    id: str  #: of an alert, or the name of a rule
    until: float
    by: str = ""
    at: float = 0.0
