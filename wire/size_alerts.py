"""What is worth telling somebody about the sizes of messages: rules as pure functions.

Each looks at figures and gives an alert, or None.  Who is told, and how often, is not decided here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from wire.sentences import Sentence
from wire.size_report import KINDS, SizeReport, TaskReport, day_of

#: A task that was smaller than this last week may double without anybody being told.
GROWTH_FROM_CHARS = 1024
GROWTH_FACTOR = 2
#: Bytes of a message as it lies in Redis, above which it is too large.
MESSAGE_BYTES = 1024 * 1024

_CUT_MEANS = Sentence(
    "Only the text that Celery shows is cut, in events and monitors. The task itself gets "
    "everything. A higher limit, or fewer characters, ends it."
)
_GROWTH_MEANS = Sentence("Its batches have grown. Smaller ones, or ids instead of rows, end it.")
_WEIGHT_MEANS = Sentence(
    "Redis holds it whole, and once more until it is acknowledged. Send ids, or smaller batches."
)


class Rule(StrEnum):
    """Which rule has found something."""

    CUT_BEGAN = "cut_began"
    GREW = "grew"
    TOO_LARGE = "too_large"


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
    if now is None:
        return
    if not task.settled:
        yield cut_began(task.task, cut_before=sum(day.cut for day in before), cut_now=now.cut)
    for kind in KINDS:
        largest = max((day.largest(kind) for day in before), default=0)
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
