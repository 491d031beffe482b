"""The name of a device, for people to recognise it: made of what a browser says it is."""

from __future__ import annotations

import re

from wire.text import escape_controls

NAME_CHARS = 60

#: First match wins: most browsers claim to be others as well.
_BROWSERS = (
    ("Firefox", re.compile(r"Firefox/|FxiOS/")),
    ("Edge", re.compile(r"Edg(?:e|A|iOS)?/")),
    ("Opera", re.compile(r"OPR/|Opera")),
    ("Samsung Internet", re.compile(r"SamsungBrowser/")),
    ("Chrome", re.compile(r"Chrome/|CriOS/|Chromium/")),
    ("Safari", re.compile(r"Safari/")),
)
_SYSTEMS = (
    ("iPhone", re.compile(r"iPhone")),
    ("iPad", re.compile(r"iPad")),
    ("Android", re.compile(r"Android")),
    ("Windows", re.compile(r"Windows")),
    ("macOS", re.compile(r"Macintosh|Mac OS X")),
    ("ChromeOS", re.compile(r"CrOS")),
    ("Linux", re.compile(r"Linux|X11")),
)


def device_name(user_agent: str) -> str:
    """Such as `Firefox, Android`, from a User-Agent; its first word for other programs."""
    text = user_agent[:500]
    known = [_first(table, text) for table in (_BROWSERS, _SYSTEMS)]
    if known[0]:
        return ", ".join(name for name in known if name)
    return clean_name(text.split("/")[0].split(" ")[0])


def clean_name(text: str) -> str:
    """A name somebody gave, on one line, without control characters and not long."""
    return escape_controls(" ".join(text.split()))[:NAME_CHARS]


def _first(table: tuple[tuple[str, re.Pattern[str]], ...], text: str) -> str:
    return next((name for name, pattern in table if pattern.search(text)), "")
