"""Arguments for people: short, on one line, and without what looks like a secret."""

from __future__ import annotations

import re
from typing import Any

from wire.text import escape_controls
from worker.metrics.measure import shown

#: Names of arguments and keys whose values are never shown.
SECRET = re.compile(
    r"pass(word|wd|phrase)?|secret|token|api_?key|auth|credential|cookie|session|private|signature",
    re.IGNORECASE,
)
HIDDEN = "•••"
#: Items of a container and characters of a text that are looked at.
ITEMS_MAX, TEXT_MAX, DEPTH_MAX = 12, 120, 4
_BRACKETS = {dict: ("{", "}"), tuple: ("(", ")")}
#: The password of an address: `scheme://user:password@host`.
_ADDRESS = re.compile(r"(\w+://[^\s:/@]*:)[^\s@/]+@")


def redacted(value: Any, chars: int) -> str:
    """A repr of `value` of at most `chars` characters, without secrets and control characters."""
    text = escape_controls(_ADDRESS.sub(rf"\1{HIDDEN}@", _repr(value, 0)))
    return text if len(text) <= chars else text[: chars - 1] + "…"


def _repr(value: Any, depth: int) -> str:
    if isinstance(value, str):
        return repr(value if len(value) <= TEXT_MAX else value[:TEXT_MAX] + "…")
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if not isinstance(value, (dict, list, tuple)):
        return shown(value, TEXT_MAX)
    opening, closing = _BRACKETS.get(type(value), ("[", "]"))
    if depth >= DEPTH_MAX:
        return f"{opening}…{closing}"
    items = []
    for item in value if len(value) <= ITEMS_MAX else _first(value):
        if isinstance(value, dict):
            held = HIDDEN if SECRET.search(str(item)) else _repr(value[item], depth + 1)
            items.append(f"{shown(item, TEXT_MAX)}: {held}")
        else:
            items.append(_repr(item, depth + 1))
    if len(value) > ITEMS_MAX:
        items.append("…")
    return opening + ", ".join(items) + closing


def _first(value: Any) -> list[Any]:
    return [item for item, _ in zip(value, range(ITEMS_MAX), strict=False)]
