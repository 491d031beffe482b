"""The rules of alerts about sizes."""

from __future__ import annotations

import pytest

from tests.wire.measured import fields_of, sizes_of
from wire.payloads import SizeLimits, TaskSizes
from wire.size_alerts import Rule, cut_began, grew, size_alerts, too_large
from wire.size_report import day_of, make_report

TASK = "metadata.extract_batch"


def test_cutting_that_began_is_told_once() -> None:
    alert = cut_began(TASK, cut_before=0, cut_now=2)
    assert alert is not None
    assert alert.told.told() == f"{TASK}: its shown arguments began to be cut, 2 today."
    assert cut_began(TASK, cut_before=1, cut_now=2) is None
    assert cut_began(TASK, cut_before=0, cut_now=0) is None


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [(1_024, 2_048, True), (1_024, 2_047, False), (1_023, 10**6, False), (5_000, 4_000, False)],
)
def test_growth_is_told_from_twice_on(before: int, now: int, told: bool) -> None:
    alert = grew(TASK, "kwargs", largest_before=before, largest_now=now)
    assert (alert is not None) is told
    assert alert is None or "from 1,024 to 2,048 characters" in alert.told.told()


def test_message_above_the_allowed_is_told() -> None:
    assert too_large(TASK, message_bytes=1_048_576) is None
    assert too_large(TASK, message_bytes=1_048_577) is not None
    alert = too_large(TASK, message_bytes=75_776, allowed_bytes=65_536)
    assert alert is not None
    assert alert.told.told() == f"{TASK}: a message of 76 kB, more than 66 kB."


TODAY = 1_795_000_000.0


def day(ago: int, args: int, **cuts: int) -> tuple[str, dict[str, TaskSizes]]:
    """What was measured on a day."""
    values = {"args": [args], "kwargs": [2]}
    return day_of(TODAY - ago * 86_400), sizes_of(fields_of(TASK, values, **cuts))


def rules(
    *days: tuple[str, dict[str, TaskSizes]], wire_bytes: int = 0, limit: int = 1024
) -> list[Rule]:
    """What is told of a task whose args of 4,000 characters were cut 3 times."""
    values = {"args": [4_000], "wire_bytes": [wire_bytes]}
    measured = sizes_of(fields_of(TASK, values, args=3, any=3))
    report = make_report(measured, SizeLimits(limit, limit), at=TODAY, days=dict(days))
    return [alert.rule for alert in size_alerts(report)]


def test_today_is_compared_with_the_week_before() -> None:
    assert rules(day(0, 4_000, any=3), day(1, 2_000)) == [Rule.CUT_BEGAN, Rule.GREW]
    assert rules(day(0, 4_000, any=3), day(1, 2_001, any=1)) == []
    assert rules(day(0, 4_000), day(8, 2_000), *(day(n, 3_000) for n in range(1, 8))) == []


def test_first_day_can_have_cuts_but_no_growth() -> None:
    assert rules(day(0, 4_000, any=3)) == [Rule.CUT_BEGAN]


def test_limit_that_holds_the_need_ends_the_cutting() -> None:
    assert rules(day(0, 4_000, any=3), limit=4_799) == [Rule.CUT_BEGAN]
    assert rules(day(0, 4_000, any=3), limit=4_800) == []


def test_idle_days_are_no_alert() -> None:
    assert rules(day(1, 4_000, any=3), day(2, 9)) == []
    assert rules() == []


def test_large_messages_come_with_what_changed() -> None:
    assert rules(day(0, 4_000, any=3), day(1, 4_000), wire_bytes=2_000_000) == [
        Rule.CUT_BEGAN,
        Rule.TOO_LARGE,
    ]
