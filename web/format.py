"""Numbers, sizes, durations and times as people of a language write them.

Every function takes whatever an event may hold (negative, huge) and never raises for it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeGuard
from zoneinfo import ZoneInfo

#: Shown where there is nothing to show.
NOTHING = "–"

#: Non-breaking: a figure and its unit stay on one line.
_SPACE = "\u00a0"
#: Beyond this a figure is damage, not a measurement.
_LARGEST = 1e18
_THOUSANDS = {"en": ",", "fr": "\u202f"}
_DECIMAL = {"en": ".", "fr": ","}
_BYTE_UNITS = {"en": ("B", "kB", "MB", "GB", "TB", "PB"), "fr": ("o", "ko", "Mo", "Go", "To", "Po")}
_DAY = {"en": "d", "fr": "j"}
_MONTHS = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "fr": (
        "janv.", "févr.", "mars", "avr.", "mai", "juin",
        "juil.", "août", "sept.", "oct.", "nov.", "déc.",
    ),
}  # fmt: skip


def _is_figure(value: float | None) -> TypeGuard[float]:
    return value is not None and -_LARGEST < value < _LARGEST  # false for NaN as well


def number(value: float | None, language: str, decimals: int = 0) -> str:
    """`12,018` in English, `12 018` in French; `decimals` digits after the point."""
    if not _is_figure(value):
        return NOTHING
    text = f"{value:,.{decimals}f}"
    return text.translate({ord(","): _THOUSANDS[language], ord("."): _DECIMAL[language]})


def rate(value: float | None, language: str) -> str:
    """A number of things a second: one decimal below ten, none above."""
    return number(value, language, decimals=1 if value is not None and 0 < value < 9.95 else 0)


def size(count_bytes: float | None, language: str) -> str:
    """`1.2 GB`, in steps of 1000: three digits at most, one decimal below ten."""
    if not _is_figure(count_bytes):
        return NOTHING
    units = _BYTE_UNITS[language]
    value, step = float(max(count_bytes, 0)), 0
    while value >= 999.5 and step < len(units) - 1:
        value, step = value / 1000, step + 1
    decimals = 1 if step and value < 9.95 else 0
    return number(value, language, decimals) + _SPACE + units[step]


def duration(seconds: float | None, language: str) -> str:
    """`45 s`, `3 min 20 s`, `1 h 02`, `2 d 4 h`: the two largest units, cut off, never rounded up.

    Cutting keeps 1 h 40 from reading as two hours.
    """
    if not _is_figure(seconds):
        return NOTHING
    whole = int(max(seconds, 0))
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        text = f"{number(days, language)} {_DAY[language]}" + (f" {hour} h" if hour else "")
    elif hours:
        text = f"{hours} h {minute:02d}"
    elif minutes:
        text = f"{minutes} min" + (f" {second:02d} s" if second else "")
    else:
        text = f"{second} s"
    return text.replace(" ", _SPACE)


def seconds(value: float | None, language: str) -> str:
    """A time a program takes: `180 µs`, `12 ms`, `1.4 s`."""
    if not _is_figure(value):
        return NOTHING
    if 0 < value < 0.0005:
        return f"{number(value * 1e6, language)}{_SPACE}µs"
    if value < 0.9995:
        return f"{number(value * 1000, language)}{_SPACE}ms"
    return f"{number(value, language, 1 if value < 9.95 else 0)}{_SPACE}s"


def ago(seconds: float | None, language: str) -> str:
    """`12 s ago`, `il y a 12 s`; a time in the future is now."""
    if not _is_figure(seconds):
        return NOTHING
    if seconds < 1:
        return {"en": "just now", "fr": "à l’instant"}[language]
    text = duration(seconds, language)
    return f"il y a{_SPACE}{text}" if language == "fr" else f"{text}{_SPACE}ago"


def percent(part: float | None, whole: float | None, language: str) -> str:
    """`part` of `whole` as `24 %`, cut off so that 100 % means all; `<1 %` is not nothing."""
    if not (_is_figure(part) and _is_figure(whole) and whole > 0):
        return NOTHING
    share = str(min(max(int(part / whole * 100), 0), 100))
    if share == "0" and part > 0:
        share = "<1"
    return f"{share}{_SPACE}%" if language == "fr" else f"{share}%"


def clock(at: float | None, language: str, zone: ZoneInfo, now: float) -> str:
    """The time of day, before it the day unless it is the day of `now` in `zone`."""
    if not at:
        return NOTHING
    try:
        when, today = (datetime.fromtimestamp(moment, zone) for moment in (at, now))
    except (OverflowError, ValueError, OSError):
        return NOTHING
    time = f"{when:%H:%M}"
    if when.date() == today.date():
        return time
    day = f"{when.day}{_SPACE}{_MONTHS[language][when.month - 1]}"
    year = f"{_SPACE}{when.year}" if when.year != today.year else ""
    return f"{day}{year} {time}"
