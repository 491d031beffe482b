"""Which of several spellings counts: the most often written, the smallest of equals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def elect(votes: Iterable[tuple[T | None, int]]) -> T | None:
    """The value with the most votes among (value, votes); None votes for nothing."""
    counts: Counter[T] = Counter()
    for value, number in votes:
        if value is not None:
            counts[value] += number
    if not counts:
        return None
    most = max(counts.values())
    return min((value for value, number in counts.items() if number == most), key=_order)


def _order(value: object) -> tuple[str, str]:
    return type(value).__name__, str(value)
