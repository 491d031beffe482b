"""When a scan is due and when it is to be quiet: pure rules over clock times in one zone.

Clock times are local.  One that a change to summer time leaves out is taken as if the clock had
not been changed; one that occurs twice is the first of the two.  So each day has every time once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from wire.states import ScanMode

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: How thorough a scheduled scan may be, each more than the one before.
MODES = (ScanMode.QUICK, ScanMode.NORMAL, ScanMode.FULL)
#: A time that passed while nothing ran is made up for until it is this many seconds late.
LATE_SECONDS = 12 * 3600

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", flags=re.ASCII)


class ScheduleError(ValueError):
    """A schedule or a quiet period that cannot be understood."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A scan at a clock time, every day or on one day of the week."""

    at: time
    weekday: int | None = None  #: 0 is Monday; None: every day
    mode: ScanMode = ScanMode.QUICK

    def last(self, now: float, zone: ZoneInfo) -> float:
        """The latest moment at or before `now` (epoch seconds) that the rule names."""
        return max(moment for moment in self._moments(now, zone) if moment <= now)

    def next(self, now: float, zone: ZoneInfo) -> float:
        """The first moment after `now` that the rule names."""
        return min(moment for moment in self._moments(now, zone) if moment > now)

    def _moments(self, now: float, zone: ZoneInfo) -> Iterator[float]:
        """Those around `now`: at least one before and one after it."""
        for day in _days(now, zone, 9):
            if self.weekday in (None, day.weekday()):
                yield _moment(day, self.at, zone)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one clock time to another; past midnight when `end` is not after `begin`."""

    begin: time
    end: time

    def periods(self, now: float, zone: ZoneInfo) -> Iterator[tuple[float, float]]:
        """Those around `now`, as (begin, end) in epoch seconds; `end` is not part of it."""
        for day in _days(now, zone, 2):
            last_day = day + timedelta(days=self.end <= self.begin)
            yield _moment(day, self.begin, zone), _moment(last_day, self.end, zone)


def parse_schedule(text: str) -> tuple[Rule, ...]:
    """The rules in `text`, such as `daily 03:00; weekly sun 04:30 full`.  Raises ScheduleError."""
    return tuple(_rule(part.lower().split()) for part in text.split(";") if part.strip())


def parse_quiet_hours(text: str) -> tuple[QuietHours, ...]:
    """The periods in `text`, such as `22:00-07:00, 12:00-13:30`.  Raises ScheduleError."""
    return tuple(_quiet_hours(part.strip()) for part in text.split(",") if part.strip())


def due_mode(
    rules: Sequence[Rule], handled: Mapping[ScanMode, float], now: float, zone: ZoneInfo
) -> ScanMode | None:
    """The mode of the scan that is due now, None when none is.

    `handled`: when the last scheduled scan of each mode began; a more thorough one stands for
    the others.  Several rules that are due are one scan, the most thorough of them.
    """
    due = []
    for rule in rules:
        moment = rule.last(now, zone)
        done = max(handled[mode] for mode in MODES[MODES.index(rule.mode) :])
        if done < moment and now - moment < LATE_SECONDS:
            due.append(rule.mode)
    return max(due, key=MODES.index, default=None)


def quiet_period(
    periods: Sequence[QuietHours], now: float, zone: ZoneInfo
) -> tuple[float, float] | None:
    """Begin and end (epoch seconds) of the quiet time that is now; periods that touch are one."""
    spans = [span for period in periods for span in period.periods(now, zone)]
    begin = min((b for b, e in spans if b <= now < e), default=None)
    if begin is None:
        return None
    end = now
    while (longer := max((e for b, e in spans if b <= end), default=end)) > end:
        end = longer
    while (earlier := min((b for b, e in spans if e >= begin), default=begin)) < begin:
        begin = earlier
    return begin, end


def next_scan(
    rules: Sequence[Rule], quiet_hours: Sequence[QuietHours], now: float, zone: ZoneInfo
) -> tuple[float, ScanMode] | None:
    """When the next scheduled scan will begin, and its mode; one due in quiet hours waits."""
    coming = []
    for rule in rules:
        for moment in (rule.last(now, zone), rule.next(now, zone)):
            period = quiet_period(quiet_hours, moment, zone)
            begins = period[1] if period else moment
            if begins > now and begins - moment < LATE_SECONDS:
                coming.append((begins, rule.mode))
    return min(coming, key=lambda scan: (scan[0], -MODES.index(scan[1])), default=None)


def _days(now: float, zone: ZoneInfo, around: int) -> Iterator[date]:
    today = datetime.fromtimestamp(now, zone).date()
    for days in range(-around, around + 1):
        yield today + timedelta(days=days)


def _moment(day: date, at: time, zone: ZoneInfo) -> float:
    return datetime.combine(day, at, zone).timestamp()


def _rule(words: Sequence[str]) -> Rule:
    match words:
        case ["daily", at, *mode]:
            weekday = None
        case ["weekly", day, at, *mode] if day in WEEKDAYS:
            weekday = WEEKDAYS.index(day)
        case _:
            raise ScheduleError(
                f"{' '.join(words)!r}: `daily 03:00` or `weekly sun 03:00` is needed, "
                "then a mode if you like"
            )
    modes = [mode.value for mode in MODES]
    if len(mode) > 1 or not set(mode) <= set(modes):
        raise ScheduleError(f"{' '.join(mode)!r}: one mode is needed: {', '.join(modes)}")
    return Rule(_clock(at), weekday, ScanMode(mode[0]) if mode else ScanMode.QUICK)


def _quiet_hours(text: str) -> QuietHours:
    begin, dash, end = (word.strip() for word in text.partition("-"))
    if not dash or begin == end:
        raise ScheduleError(f"{text!r}: a period such as 22:00-07:00 is needed")
    return QuietHours(_clock(begin), _clock(end))


def _clock(text: str) -> time:
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise ScheduleError(f"{text!r}: a time from 00:00 to 23:59 is needed")
    return time(int(match[1]), int(match[2]))
