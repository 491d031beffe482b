"""Paths are bytes; these turn them into text that is safe to show and safe to send."""

from __future__ import annotations

import re
from urllib.parse import quote_from_bytes, unquote_to_bytes

#: Controls, surrogates, line separators; and bidirectional controls, which can make a name read as
#: another one.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)

#: A spreadsheet takes a cell that begins so for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def display_path(path: bytes) -> str:
    r"""`path` as text for people: UTF-8, with other bytes and control characters as `\x..`.

    The result holds no surrogates, control or bidi characters and is never parsed back.
    """
    return escape_controls(path.decode("utf-8", "backslashreplace"))


def escape_controls(text: str) -> str:
    """`text` with control, bidi, line-separator and surrogate characters as visible escapes."""
    if text.isprintable():  # then there is none of them
        return text
    return _HIDDEN.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def formula_safe(text: str) -> str:
    """`text` as a cell of a CSV file that no spreadsheet takes for a formula."""
    return "'" + text if text.startswith(_FORMULA_STARTS) else text


def path_to_wire(path: bytes) -> str:
    """`path` as percent-encoded ASCII, exact for any bytes; see `path_from_wire`."""
    return quote_from_bytes(path, safe="/")


def path_from_wire(text: str) -> bytes:
    """The inverse of `path_to_wire`."""
    return unquote_to_bytes(text)
