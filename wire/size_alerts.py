"""What is worth telling somebody about the sizes of messages: rules as pure functions.

Each looks at figures and gives an alert, or None.  Who is told, and how often, is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from wire.payloads import CUT_PARSED_BACK, Finding
from wire.payloads import NESTED as NESTED_KIND
from wire.sentences import Sentence
from wire.size_report import KINDS, SizeReport, TaskReport, day_of

#: A task that was smaller than this last week may double without anybody being told.
GROWTH_FROM_CHARS = 1024
GROWTH_FACTOR = 2
#: Bytes of a message as it lies in Redis, above which it is too large.
MESSAGE_BYTES = 1024 * 1024

NESTED = Sentence(
    "Data nested deeper than task_repr_maxlevels, which is 3, is shown as three dots whatever the "
    "limit is: that is the depth, not the size."
)


class Rule(StrEnum):
    """Which rule has found something."""

    CUT_BEGAN = "cut_began"
    GREW = "grew"
    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"


@dataclass(frozen=True, slots=True)
class SizeAlert:
    """Something worth telling: about which task, what, and what it means."""

    rule: Rule
    task: str
    told: Sentence
    meaning: Sentence


def size_alerts(report: SizeReport) -> tuple[SizeAlert, ...]:
    """What the days of a report tell, today against the week before it; the worst first."""
    today = day_of(report.at)
    found = [alert for task in report.tasks for alert in _of_task(task, today) if alert]
    return tuple(sorted(found, key=lambda alert: list(Rule).index(alert.rule)))


def _of_task(task: TaskReport, today: str) -> Iterator[SizeAlert | None]:
    yield too_large(task.task, message_bytes=task.wire_bytes.largest or 0)
    before = [day for day in task.days if day.day < today][-7:]
    now = next((day for day in task.days if day.day == today), None)
    if now is None or not before:
        return
    yield cut_began(task.task, cut_before=sum(day.cut for day in before), cut_now=now.cut)
    for kind in KINDS:
        largest = max(day.largest(kind) for day in before)
        yield grew(task.task, kind, largest_before=largest, largest_now=now.largest(kind))


def cut_began(task: str, *, cut_before: int, cut_now: int) -> SizeAlert | None:
    """The shown arguments of a task began to be cut.

    `cut_before` and `cut_now` are how many were cut in the days before, and today.
    """
    if cut_before or not cut_now:
        return None
    told = Sentence(
        "%(task)s: its shown arguments began to be cut, %(cut)s today.",
        {"task": task, "cut": cut_now},
    )
    return SizeAlert(Rule.CUT_BEGAN, task, told, _CUT_MEANS)


def grew(task: str, kind: str, *, largest_before: int, largest_now: int) -> SizeAlert | None:
    """The largest `kind` of a task is twice what it was a week ago.  In JSON characters."""
    if largest_before < GROWTH_FROM_CHARS or largest_now < GROWTH_FACTOR * largest_before:
        return None
    told = Sentence(
        "%(task)s: the largest %(kind)s grew from %(before)s to %(now)s characters in a week.",
        {"task": task, "kind": kind, "before": largest_before, "now": largest_now},
    )
    return SizeAlert(Rule.GREW, task, told, _GROWTH_MEANS)


def too_large(
    task: str, *, message_bytes: int, allowed_bytes: int = MESSAGE_BYTES
) -> SizeAlert | None:
    """A message of a task has more than `allowed_bytes` as it lies in Redis."""
    if message_bytes <= allowed_bytes:
        return None
    told = Sentence(
        "%(task)s: a message of %(message_bytes)s, more than %(allowed_bytes)s.",
        {"task": task, "message_bytes": message_bytes, "allowed_bytes": allowed_bytes},
    )
    return SizeAlert(Rule.TOO_LARGE, task, told, _WEIGHT_MEANS)


def not_json(task: str, error: str) -> SizeAlert | None:
    """A task failed because something is not JSON; `error` is the text of its exception."""
    meaning = explain_json_error(error)
    if meaning is None:
        return None
    told = Sentence("%(task)s: its arguments or its result are not JSON.", {"task": task})
    return SizeAlert(Rule.NOT_JSON, task, told, meaning)


def explain_json_error(error: str) -> Sentence | None:
    """What happened, in plain words; None when `error` is of another family."""
    text = error[:ERROR_CHARS]
    if found := _TYPE.search(text):
        name = found[1] or found[2]
        return _TYPES.get(name.lower()) or _object(name)
    if found := _KEY.search(text):
        return _key(found[1]) if found[1] else _SOME_KEY
    return next((meaning for pattern, meaning in _OTHERS if pattern.search(text)), None)


def explain(finding: Finding) -> Sentence:
    """What a finding means, in plain words."""
    if finding.kind == NESTED_KIND:
        return NESTED
    if finding.kind == CUT_PARSED_BACK:
        return _ELLIPSIS
    by_message = explain_json_error(finding.message) if finding.message else None
    return by_message or _TYPES.get(finding.type.lower()) or _object(finding.type or "?")


#: More of an error's text is not looked at.
ERROR_CHARS = 2_000

_CUT_MEANS = Sentence(
    "Only the text that Celery shows is cut, in events and monitors. The task itself gets "
    "everything. A higher limit, or fewer characters, ends it."
)
_GROWTH_MEANS = Sentence("Its batches have grown. Smaller ones, or ids instead of rows, end it.")
_WEIGHT_MEANS = Sentence(
    "Redis holds it whole, and once more until it is acknowledged. Send ids, or smaller batches."
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
