"""What is counted all at once: many together take a fraction of the time that each takes alone.

Between two tasks nothing of what counts is in the processor's caches.  Items must be small: a
process keeps up to `BACKLOG_MAX` of them for a second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from worker.metrics.tally import Tally

#: Items that wait; whoever appends one more counts them.
BACKLOG_MAX = 1_000

T = TypeVar("T")


class Backlog(Generic[T]):
    """Items of one kind; appending one takes no lock."""

    def __init__(self, count: Callable[[Tally, list[T]], None]) -> None:
        self._count = count
        self.items: list[T] = []

    def count(self, tally: Tally) -> None:
        """Count what there is.  Whoever calls it holds the recorder's lock."""
        items = self.items[:]
        if items:
            del self.items[: len(items)]  # others may have appended meanwhile
            self._count(tally, items)
