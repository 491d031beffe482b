"""Text from tags, made safe to store and to show: the one door it comes in by.

Control characters, surrogates and noncharacters are taken out (line breaks and tabs become
spaces), the ends are stripped, the rest is put in NFC and cut.  Nothing else is changed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

#: UTF-8 bytes of a title, a name, an id.
TEXT_BYTES = 1024
COMMENT_BYTES = 4096
MESSAGE_CHARS = 500
#: Values of one field of one file.
MAX_VALUES = 500

#: UTF-8 bytes that one character may become in NFC, at most.
_NFC_GROWTH = 12
_SPACES = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]+")


def clean_text(text: str, max_bytes: int = TEXT_BYTES) -> tuple[str, bool]:
    """`text` made clean, and whether it had to be cut.  The result may be empty."""
    if len(text) <= max_bytes // _NFC_GROWTH and text.isprintable():  # nearly every text
        return unicodedata.normalize("NFC", text).strip(), False
    was_cut = len(text) > 4 * max_bytes
    if was_cut:  # before the work that grows with the length
        text = text[: 4 * max_bytes]
    text = _FORBIDDEN.sub("", _SPACES.sub(" ", text))
    text = unicodedata.normalize("NFC", text).strip()
    if len(text) * 4 > max_bytes and len(encoded := text.encode()) > max_bytes:
        text = encoded[:max_bytes].decode(errors="ignore").rstrip()
        was_cut = True
    return text, was_cut


def clean_values(values: Iterable[str], max_bytes: int = TEXT_BYTES) -> tuple[list[str], bool]:
    """Those of `values` that hold any text, made clean, and whether anything was cut."""
    result: list[str] = []
    was_cut = False
    for value in values:
        text, text_cut = clean_text(value, max_bytes)
        was_cut = was_cut or text_cut
        if not text:
            continue
        if len(result) == MAX_VALUES:
            return result, True
        result.append(text)
    return result, was_cut


def clean_message(error: BaseException) -> str:
    """What `error` says, in one line; the name of its class when it says nothing."""
    text, _ = clean_text(str(error)[: 4 * MESSAGE_CHARS], 4 * MESSAGE_CHARS)
    return text[:MESSAGE_CHARS] or type(error).__name__
