"""When scans are due and when it is quiet: rules over clock times."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.states import ScanMode
from worker.schedule import (
    LATE_SECONDS,
    MODES,
    QuietHours,
    Rule,
    ScheduleError,
    due_mode,
    parse_quiet_hours,
    parse_schedule,
    quiet_period,
)

PARIS = ZoneInfo("Europe/Paris")
DAY = 24 * 3600

ZONES = st.sampled_from(
    [PARIS, ZoneInfo("UTC"), ZoneInfo("America/St_Johns"), ZoneInfo("Australia/Lord_Howe"),
     ZoneInfo("Pacific/Apia"), ZoneInfo("Africa/Casablanca")]
)  # fmt: skip
#: 2000 to 2037: several changes of the clock in every zone.
MOMENTS = st.integers(946_684_800, 2_114_380_800).map(float)
CLOCKS = st.times().map(lambda t: t.replace(second=0, microsecond=0))
RULES = st.builds(Rule, CLOCKS, st.none() | st.integers(0, 6), st.sampled_from(MODES))
PERIODS = st.builds(QuietHours, CLOCKS, CLOCKS).filter(lambda p: p.begin != p.end)


def paris(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).timestamp()


def shown(moment: float) -> str:
    return datetime.fromtimestamp(moment, PARIS).strftime("%a %Y-%m-%d %H:%M")


def handled(at: float = 0.0) -> dict[ScanMode, float]:
    return dict.fromkeys(MODES, at)


def test_schedule_is_read_as_written() -> None:
    assert parse_schedule("weekly sun 03:00; daily 12:30 full;") == (
        Rule(time(3, 0), 6),
        Rule(time(12, 30), None, ScanMode.FULL),
    )
    assert parse_schedule("Daily 23:59") == (Rule(time(23, 59)),)
    assert parse_schedule(" ") == ()


@pytest.mark.parametrize(
    "text",
    ["03:00", "daily", "daily 3:00", "daily 24:00", "daily 03:60", "weekly 03:00",
     "weekly sunday 03:00", "daily 03:00 fast", "daily 03:00 retry", "daily 03:00 full quick",
     "hourly 03:00", "daily 03:00, daily 04:00", "daily ٠٣:00", "daily -1:00"],
)  # fmt: skip
def test_schedule_that_says_nothing_clear_is_refused(text: str) -> None:
    with pytest.raises(ScheduleError):
        parse_schedule(text)


def test_quiet_hours_are_read_as_written() -> None:
    assert parse_quiet_hours("22:00-07:00, 12:00 - 13:30") == (
        QuietHours(time(22, 0), time(7, 0)),
        QuietHours(time(12, 0), time(13, 30)),
    )
    assert parse_quiet_hours("") == ()


@pytest.mark.parametrize("text", ["22:00", "22-7", "22:00-22:00", "22:00-24:00", "22:00–07:00"])
def test_quiet_hours_that_say_nothing_clear_are_refused(text: str) -> None:
    with pytest.raises(ScheduleError):
        parse_quiet_hours(text)


@given(RULES, MOMENTS, ZONES)
def test_now_lies_between_the_last_and_the_next_time(
    rule: Rule, now: float, zone: ZoneInfo
) -> None:
    last, following = rule.last(now, zone), rule.next(now, zone)
    assert last <= now < following
    assert rule.next(last, zone) == following
    assert rule.last(following, zone) == following


@given(RULES, MOMENTS, ZONES)
def test_every_day_has_the_time_once(rule: Rule, now: float, zone: ZoneInfo) -> None:
    """Also on the days of 23 and 25 hours; Samoa left a whole day out in 2011."""
    times = [rule.next(now, zone)]
    for _ in range(5):
        times.append(rule.next(times[-1], zone))
    length = DAY if rule.weekday is None else 7 * DAY
    for earlier, later in pairwise(times):
        assert abs(later - earlier - length) <= 3600 or zone.key == "Pacific/Apia"


@given(RULES, MOMENTS, ZONES)
def test_time_is_the_one_on_the_clock(rule: Rule, now: float, zone: ZoneInfo) -> None:
    local = datetime.fromtimestamp(rule.next(now, zone), zone)
    moved = timedelta(hours=local.hour - rule.at.hour, minutes=local.minute - rule.at.minute)
    assert not moved or timedelta(0) < moved <= timedelta(hours=1) or zone.key == "Pacific/Apia"


@pytest.mark.parametrize(
    ("rule", "now", "following"),
    [
        (Rule(time(2, 30)), "2026-03-28T12:00", "Sun 2026-03-29 03:30"),  # there is no 02:30
        (Rule(time(2, 30)), "2026-03-29T12:00", "Mon 2026-03-30 02:30"),
        (Rule(time(2, 30)), "2026-10-24T12:00", "Sun 2026-10-25 02:30"),  # there are two
        (Rule(time(3, 0), 6), "2026-11-21T12:00", "Sun 2026-11-22 03:00"),
        (Rule(time(3, 0), 6), "2026-11-22T03:00", "Sun 2026-11-29 03:00"),
    ],
)
def test_next_time_around_a_change_of_the_clock(rule: Rule, now: str, following: str) -> None:
    assert shown(rule.next(paris(now), PARIS)) == following


def test_time_that_occurs_twice_is_due_once() -> None:
    rule = Rule(time(2, 30))
    first = rule.next(paris("2026-10-24T12:00"), PARIS)
    assert due_mode((rule,), handled(first), first + 3600, PARIS) is None


def test_missed_time_is_made_up_for_until_it_is_late() -> None:
    rules = (Rule(time(3, 0)),)
    at = paris("2026-11-21T03:00")
    before = handled(at - DAY)
    assert due_mode(rules, before, at - 1, PARIS) is None
    assert due_mode(rules, before, at, PARIS) is ScanMode.QUICK
    assert due_mode(rules, before, at + LATE_SECONDS - 1, PARIS) is ScanMode.QUICK
    assert due_mode(rules, before, at + LATE_SECONDS, PARIS) is None


def test_several_due_rules_are_one_scan() -> None:
    rules = parse_schedule("daily 03:00; weekly sat 04:00 full; daily 05:00 normal")
    now = paris("2026-11-21T06:00")
    assert due_mode(rules, handled(now - DAY), now, PARIS) is ScanMode.FULL
    after_full = handled(now - DAY) | {ScanMode.FULL: now}
    assert due_mode(rules, after_full, now, PARIS) is None
    after_quick = handled(now - DAY) | {ScanMode.QUICK: now}
    assert due_mode(rules, after_quick, now, PARIS) is ScanMode.FULL


@given(st.lists(RULES, min_size=1, max_size=4), MOMENTS, ZONES, st.data())
def test_no_time_is_used_twice(
    rules: list[Rule], now: float, zone: ZoneInfo, data: st.DataObject
) -> None:
    done = handled()
    due = due_mode(rules, done, now, zone)
    if due is not None:
        done[due] = now
        seconds = min(rule.next(now, zone) for rule in rules) - now
        later = now + data.draw(st.floats(0, seconds, exclude_max=True))
        assert due_mode(rules, done, later, zone) is None


@pytest.mark.parametrize(
    ("hours", "now", "period"),
    [
        ("22:00-07:00", "2026-11-21T21:59", None),
        ("22:00-07:00", "2026-11-21T22:00", ("Sat 2026-11-21 22:00", "Sun 2026-11-22 07:00")),
        ("22:00-07:00", "2026-11-22T06:59", ("Sat 2026-11-21 22:00", "Sun 2026-11-22 07:00")),
        ("22:00-07:00", "2026-11-22T07:00", None),
        ("22:00-00:00,00:00-07:00", "2026-11-22T03:00",
         ("Sat 2026-11-21 22:00", "Sun 2026-11-22 07:00")),
        ("12:00-14:00,13:00-15:00", "2026-11-22T13:30",
         ("Sun 2026-11-22 12:00", "Sun 2026-11-22 15:00")),
        ("02:30-03:15", "2026-03-29T03:20", None),
        ("01:00-02:45", "2026-10-25T02:30", ("Sun 2026-10-25 01:00", "Sun 2026-10-25 02:45")),
    ],
)  # fmt: skip
def test_quiet_period_is_found(hours: str, now: str, period: tuple[str, str] | None) -> None:
    found = quiet_period(parse_quiet_hours(hours), paris(now), PARIS)
    assert (found and tuple(map(shown, found))) == period


@given(st.lists(PERIODS, max_size=4), MOMENTS, ZONES)
def test_quiet_period_holds_now_and_ends(
    periods: list[QuietHours], now: float, zone: ZoneInfo
) -> None:
    found = quiet_period(periods, now, zone)
    inside = any(b <= now < e for period in periods for b, e in period.periods(now, zone))
    assert (found is not None) == inside
    if found is not None:
        begin, end = found
        assert begin <= now < end
        # Only periods that together fill the day have no end within it.
        assert end - now < DAY + 2 * 3600 or len(periods) > 1
