"""The life of an alert, minute by minute."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from web.alerts.engine import CLEAR_SECONDS, SHOWN_SECONDS, SUBJECTS_MAX, evaluate
from web.alerts.rules import Rule
from wire.alerts import Alert, AlertState, Severity

DEEP = Rule("Deep", "queue_depth", 100, clear=50, for_seconds=60)


def after(*steps: tuple[float, float | None], rule: Rule = DEEP) -> Alert | None:
    """The alert of queue `scan` after values at moments; None: the depth is not known."""
    alerts: dict[str, Alert] = {}
    for now, depth in steps:
        values = {} if depth is None else {"queue_depth": {"scan": depth}}
        alerts = evaluate(alerts, [rule], values, now)
    assert len(alerts) <= 1
    return next(iter(alerts.values()), None)


def state_after(*steps: tuple[float, float | None]) -> AlertState | None:
    alert = after(*steps)
    return alert.state if alert else None


def test_quiet_value_is_no_alert() -> None:
    assert state_after((0, 100)) is None


def test_alert_waits_before_it_fires() -> None:
    assert state_after((0, 101)) is AlertState.PENDING
    assert state_after((0, 101), (59, 101)) is AlertState.PENDING
    assert state_after((0, 101), (60, 101)) is AlertState.FIRING


def test_pending_alert_that_recovers_is_forgotten() -> None:
    assert state_after((0, 101), (30, 100)) is None
    assert state_after((0, 101), (30, 100), (60, 101)) is AlertState.PENDING


def test_rule_without_a_wait_fires_at_once() -> None:
    alert = after((5, 101), rule=replace(DEEP, for_seconds=0.0))
    assert alert == Alert(
        "Deep", "queue_depth", "scan", Severity.WARNING, AlertState.FIRING, 101, 100,
        pending_at=5, fired_at=5,
    )  # fmt: skip


FIRED = ((0.0, 200.0), (60.0, 200.0))


def test_value_between_clear_and_threshold_keeps_it_firing() -> None:
    assert state_after(*FIRED, (70, 51), (500, 99)) is AlertState.FIRING


def test_clear_value_ends_it_after_a_while() -> None:
    assert state_after(*FIRED, (70, 50)) is AlertState.FIRING
    assert state_after(*FIRED, (70, 50), (70 + CLEAR_SECONDS, 50)) is AlertState.RESOLVED
    assert state_after(*FIRED, (70, 50), (100, 60), (140, 50)) is AlertState.FIRING


def test_unknown_value_changes_nothing() -> None:
    assert state_after((0, 101), (60, None)) is AlertState.PENDING
    assert state_after(*FIRED, (5000, None)) is AlertState.FIRING


def test_thing_that_is_gone_has_no_trouble() -> None:
    alerts = evaluate({}, [replace(DEEP, for_seconds=0.0)], {"queue_depth": {"scan": 200}}, 0)
    for now in (10, 10 + CLEAR_SECONDS):
        alerts = evaluate(alerts, [DEEP], {"queue_depth": {}}, now)
    assert [a.state for a in alerts.values()] == [AlertState.RESOLVED]


RESOLVED = (*FIRED, (100.0, 0.0), (160.0, 0.0))


def test_what_is_over_is_shown_for_a_while_and_can_fire_again() -> None:
    assert state_after(*RESOLVED, (160 + SHOWN_SECONDS - 1, 0)) is AlertState.RESOLVED
    assert state_after(*RESOLVED, (160 + SHOWN_SECONDS, 0)) is None
    again = after(*RESOLVED, (200, 500))
    assert again is not None
    assert (again.state, again.pending_at, again.resolved_at) == (AlertState.PENDING, 200, None)


def test_alert_of_a_rule_that_is_switched_off_ends() -> None:
    fired = evaluate({}, [replace(DEEP, for_seconds=0.0)], {"queue_depth": {"scan": 200}}, 0)
    for rules in ([replace(DEEP, enabled=False)], []):
        ended = evaluate(fired, rules, {"queue_depth": {"scan": 200}}, 10)
        assert [a.state for a in ended.values()] == [AlertState.RESOLVED]


def test_rule_watches_only_what_fits_its_pattern() -> None:
    rule = replace(DEEP, subject="cov*", for_seconds=0.0)
    alerts = evaluate({}, [rule], {"queue_depth": {"scan": 200, "covers": 200}}, 0)
    assert list(alerts) == ["Deep:covers"]


def test_thousands_of_tasks_do_not_make_thousands_of_alerts() -> None:
    values = {"queue_depth": {f"q{i}": 101.0 + i for i in range(5000)}}
    alerts = evaluate({}, [DEEP], values, 0)
    assert len(alerts) == SUBJECTS_MAX
    assert "Deep:q4999" in alerts


@given(
    st.lists(st.tuples(st.floats(-100, 300), st.one_of(st.none(), st.floats(0, 1e6))), max_size=40)
)
def test_alert_never_fires_before_its_time(steps: list[tuple[float, float | None]]) -> None:
    now, alerts = 0.0, {}
    for passed, depth in steps:  # the clock may go back
        now += passed
        values = {} if depth is None else {"queue_depth": {"scan": depth}}
        alerts = evaluate(alerts, [DEEP], values, now)
        for alert in alerts.values():
            assert alert.state is AlertState.PENDING or alert.fired_at is not None
            if alert.fired_at is not None:
                assert alert.fired_at - alert.pending_at >= DEEP.for_seconds
