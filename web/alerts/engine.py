"""The life of alerts: pending, firing, resolved.  Pure: rules, values and a moment go in.

1. A measure that is not known changes nothing: unknown is neither good nor bad.
2. A thing that is gone (a queue, a worker) has no trouble any more: its alert ends as if clear.
3. What fires goes on until it has been clear for a while: a value that dances around its
   threshold is told once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from web.alerts.rules import Rule
from wire.alerts import Alert, AlertState

#: How long what fires must be clear before it is over.
CLEAR_SECONDS = 60.0
#: How long what is over is still shown.
SHOWN_SECONDS = 24 * 3600.0
#: Alerts of one rule, worst first: the label of a task must not make thousands.
SUBJECTS_MAX = 50

#: Measure -> subject ("": the whole) -> value.
Values = Mapping[str, Mapping[str, float]]


def evaluate(
    alerts: Mapping[str, Alert], rules: Sequence[Rule], values: Values, now: float
) -> dict[str, Alert]:
    """The alerts after a look at `values` at `now` (epoch seconds), by their ids."""
    after: dict[str, Alert] = {}
    for rule in rules:
        if rule.enabled:
            after |= _of_rule(alerts, rule, values, now)
    # What a rule fired that was taken away, or switched off, is over.
    for key, alert in alerts.items():
        if key not in after and not any(r.enabled and r.name == alert.rule for r in rules):
            ended = _ended(alert, now)
            after |= {key: ended} if ended else {}
    return after


def _of_rule(
    alerts: Mapping[str, Alert], rule: Rule, values: Values, now: float
) -> dict[str, Alert]:
    known = values.get(rule.measure)
    mine = {a.subject: a for a in alerts.values() if a.rule == rule.name}
    if known is None:
        return {alert.id: alert for alert in mine.values()}
    after = {}
    fitting = {s: v for s, v in known.items() if fnmatchcase(s, rule.subject)}
    worst = sorted(fitting, key=lambda s: fitting[s], reverse=not rule.below)
    for subject in [*mine, *(s for s in worst[:SUBJECTS_MAX] if s not in mine)]:
        alert = _step(rule, subject, mine.get(subject), fitting.get(subject), now)
        if alert is not None:
            after[alert.id] = alert
    return after


def _step(
    rule: Rule, subject: str, alert: Alert | None, value: float | None, now: float
) -> Alert | None:
    """The alert of `rule` about `subject` from now on; None: there is none."""
    broken = value is not None and rule.breaks(value)
    if alert is None or alert.state is AlertState.RESOLVED:
        if broken and value is not None:
            return _fire_in_time(_begun(rule, subject, value, now), rule, now)
        return _ended(alert, now) if alert else None
    alert = replace(
        alert,
        value=alert.value if value is None else value,
        threshold=rule.threshold,
        below=rule.below,
        severity=rule.severity,
        measure=rule.measure,
    )
    if alert.state is AlertState.PENDING:
        return _fire_in_time(alert, rule, now) if broken else None
    if value is not None and not rule.is_clear(value):
        return replace(alert, clear_at=None)
    clear_at = now if alert.clear_at is None else alert.clear_at
    if now - clear_at >= CLEAR_SECONDS:
        return _ended(alert, now)
    return replace(alert, clear_at=clear_at)


def _begun(rule: Rule, subject: str, value: float, now: float) -> Alert:
    return Alert(
        rule=rule.name,
        measure=rule.measure,
        subject=subject,
        severity=rule.severity,
        state=AlertState.PENDING,
        value=value,
        threshold=rule.threshold,
        below=rule.below,
        pending_at=now,
    )


def _fire_in_time(alert: Alert, rule: Rule, now: float) -> Alert:
    # A clock that was put back begins the waiting anew.
    pending_at = min(alert.pending_at, now)
    if now - pending_at < rule.for_seconds:
        return replace(alert, pending_at=pending_at)
    return replace(alert, pending_at=pending_at, state=AlertState.FIRING, fired_at=now)


def _ended(alert: Alert, now: float) -> Alert | None:
    """The alert, over; None: nothing to be shown any more."""
    if alert.state is AlertState.PENDING:
        return None
    if alert.state is AlertState.FIRING:
        return replace(alert, state=AlertState.RESOLVED, resolved_at=now, clear_at=None)
    gone = now - (alert.resolved_at or 0.0) >= SHOWN_SECONDS
    return None if gone else alert
