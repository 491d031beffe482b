"""Values and texts for logs and for people: bounded, and without what looks like a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"
#: Items of a container, characters of a text in it, and levels that are looked at.
ITEMS_MAX, TEXT_MAX, DEPTH_MAX = 12, 200, 4

_NAMES = (
    r"passw(?:or)?d|passphrase|\bpwd|secret|token|api[_-]?key|licen[cs]e[_-]?key|access[_-]?key|"
    r"private[_-]?key|authorization|credential|cookie|signature|\bdsn\b|\bauth\b"
)
_SECRET_NAME = re.compile(_NAMES, re.IGNORECASE)
#: `password=x`, `"token": "x"`, `Authorization: Bearer x`.  No part of it repeats without a bound
#: before its first letters: a long text costs no more than its length.
_ASSIGNED = re.compile(
    rf"((?:{_NAMES})[\w.-]{{0,30}}[\"']?\s{{0,3}}[=:]\s{{0,3}})"
    r"(\"(?:[^\"\\]|\\.)*\"?|'(?:[^'\\]|\\.)*'?|(?:Bearer|Basic|Digest)\s+[^\s,;]+|[^\s,;&)}\]\"']+)",
    re.IGNORECASE,
)
_BEARER = re.compile(r"\b(Bearer|Basic)(\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
#: What stands before the host of an address: a name, a password, or both.
_ADDRESS = re.compile(r"(://)[^\s/?#\"'@]{1,300}(?:@[^\s/?#\"'@]{1,300}){0,3}@")
#: A text without any of these, in whatever case, has no name of the above and no word for a key.
#: They are without an `i`, which has two more cases than Python folds: `sıgnature` matches as well.
_STEMS = (
    "pass", "pwd", "secret", "token", "key", "auth", "credent", "cook", "gnature", "dsn",
    "bearer", "bas",
)  # fmt: skip
_BRACKETS = {dict: ("{", "}"), tuple: ("(", ")"), set: ("{", "}"), frozenset: ("{", "}")}


def is_secret(name: object) -> bool:
    """Whether a value of that name, such as `api_key`, must not be shown."""
    return isinstance(name, str) and _SECRET_NAME.search(name) is not None


def redacted_text(text: str) -> str:
    """`text` without passwords of addresses, and without values of secret names."""
    if "://" in text:
        text = _ADDRESS.sub(rf"\1{HIDDEN}@", text)
    folded = text.casefold()
    if any(stem in folded for stem in _STEMS):  # else nothing matches: most texts, and much sooner
        text = _BEARER.sub(rf"\1\2{HIDDEN}", _ASSIGNED.sub(rf"\1{HIDDEN}", text))
    return text


def cut(text: str, chars: int) -> str:
    """At most `chars` characters of `text`, with `…` where it was cut."""
    return text if len(text) <= chars else text[: chars - 1] + "…"


def redacted(value: object, chars: int = 1000) -> str:
    """A repr of `value` of at most `chars` characters, without secrets.  Never raises."""
    return cut(redacted_text(_repr(value, 0)), chars)


def redacted_copy(value: object) -> Any:
    """`value` as plain JSON, bounded, secrets replaced: for tools that want a structure."""
    return _copy(value, 0)


def _copy(value: object, depth: int) -> Any:
    if isinstance(value, (bool, int, float, type(None))):
        return value
    if depth < DEPTH_MAX and isinstance(value, Mapping):
        items = list(_first(value))
        return {
            cut(str(key), TEXT_MAX): HIDDEN if is_secret(key) else _copy(value[key], depth + 1)
            for key in items
        }
    if depth < DEPTH_MAX and isinstance(value, (list, tuple)):
        return [_copy(item, depth + 1) for item in _first(value)]
    if isinstance(value, str):
        return redacted_text(cut(value, TEXT_MAX))
    return redacted(value, TEXT_MAX)


def _repr(value: object, depth: int) -> str:
    if isinstance(value, str):
        return repr(cut(value, TEXT_MAX))
    if isinstance(value, (bytes, bytearray)):
        return f"<{len(value)} bytes>"
    if not isinstance(value, (dict, list, tuple, set, frozenset)):
        return _plain_repr(value)
    opening, closing = _BRACKETS.get(type(value), ("[", "]"))
    if depth >= DEPTH_MAX:
        return f"{opening}…{closing}" if value else opening + closing
    items = []
    for item in _first(value):
        if isinstance(value, dict):
            held = HIDDEN if is_secret(item) else _repr(value[item], depth + 1)
            items.append(f"{_repr(item, depth + 1)}: {held}")
        else:
            items.append(_repr(item, depth + 1))
    if len(value) > ITEMS_MAX:
        items.append("…")
    comma = "," if isinstance(value, tuple) and len(value) == 1 else ""
    return opening + ", ".join(items) + comma + closing


def _plain_repr(value: object) -> str:
    try:
        return cut(repr(value), TEXT_MAX)
    except Exception:  # an application's own __repr__ may do anything
        return f"<{type(value).__name__}>"


def _first(value: Any) -> list[Any]:
    return [item for item, _ in zip(value, range(ITEMS_MAX), strict=False)]
