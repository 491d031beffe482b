"""What the errors about JSON mean, in plain words: what happened, and what to do."""

from __future__ import annotations

import re

from wire import payloads
from wire.payloads import Finding
from wire.sentences import Sentence

#: More of an error's text is not looked at.
ERROR_CHARS = 2_000

NESTED = Sentence(
    "Data nested deeper than task_repr_maxlevels, which is 3, is shown as three dots whatever the "
    "limit is: that is the depth, not the size."
)
_ELLIPSIS = Sentence(
    "A text that was cut for display was read back as data: its three dots became Ellipsis, which "
    "JSON does not know. Whatever sent this task took its arguments from a monitor or an event. "
    "Send the real arguments; a higher limit only makes it rarer."
)
_BYTES = Sentence(
    "The arguments hold bytes, which JSON does not know. Send text: decode it, or use Base64."
)
_SOME_KEY = Sentence("A dictionary has a key that is no text: JSON knows no others.")
_CIRCLE = Sentence("A list or a dictionary holds itself, so it has no end as JSON.")
_NUMBER = Sentence("A number is infinite, is no number (NaN), or is too long for JSON.")

#: What the standard library's json, which kombu uses, and orjson say.
_TYPE = re.compile(
    r"Object of type (\S{1,80}) is not JSON serializable"
    r"|Type is not JSON serializable: (\S{1,80})"
)
_TYPES = {
    "ellipsis": _ELLIPSIS, "bytes": _BYTES, "bytearray": _BYTES, "memoryview": _BYTES,
}  # fmt: skip
_KEY = re.compile(r"keys must be str\b[^\n]{0,80}\bnot (\S{1,80})|Dict key must")
_OTHERS = (
    (re.compile(r"Circular reference detected|Recursion limit reached"), _CIRCLE),
    (re.compile(r"not JSON compliant|Integer exceeds 64-bit range"), _NUMBER),
)


def explain(finding: Finding) -> Sentence:
    """What a finding means, in plain words."""
    if finding.kind == payloads.NESTED:
        return NESTED
    if finding.kind == payloads.CUT_PARSED_BACK:
        return _ELLIPSIS
    by_message = explain_json_error(finding.message) if finding.message else None
    return by_message or _TYPES.get(finding.type.lower()) or _object(finding.type or "?")


def explain_json_error(error: str) -> Sentence | None:
    """What happened, in plain words; None when `error` is of another family."""
    text = error[:ERROR_CHARS]
    if found := _TYPE.search(text):
        name = found[1] or found[2]
        return _TYPES.get(name.lower()) or _object(name)
    if found := _KEY.search(text):
        return _key(found[1]) if found[1] else _SOME_KEY
    return next((meaning for pattern, meaning in _OTHERS if pattern.search(text)), None)


def _object(type_name: str) -> Sentence:
    return Sentence(
        "The arguments or the result hold an object of type %(type)s, which JSON does not know. "
        "Send plain values: texts, numbers, lists, and dictionaries with texts as keys.",
        {"type": type_name},
    )


def _key(type_name: str) -> Sentence:
    return Sentence(
        "A dictionary has a key of type %(type)s: JSON knows only texts as keys.",
        {"type": type_name},
    )
