"""Lengths of whole reprs, of samples: counting one takes many times as long as the JSON."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, NamedTuple

from wire.payloads import ARGS_REPR, KWARGS_REPR
from wire.sizes import MOVE_ABOVE_CHARS
from worker.metrics.measure import repr_chars

#: Seconds between two samples of one kind of task, at least; and as a multiple of what one took.
INTERVAL_SECONDS = 30.0
COST_FACTOR = 1000
#: A payload so much larger than any before is a sample at once: however a task grows, all of these
#: together take no longer than 21 samples of its largest.
GROWTH = 1.05


@dataclass(frozen=True, slots=True)
class Sampled:
    """What one sample found."""

    sizes: tuple[tuple[str, int], ...]  #: measure, characters
    microseconds: int


class Last(NamedTuple):
    """The last sample of one kind of task."""

    due_at: float  #: `time.perf_counter()` of the next
    #: A payload of more characters is to be looked at: for a sample, or because it is large.
    enough: float
    largest: int = 0


NEVER_SAMPLED = Last(float("-inf"), -1.0)


class ReprSamples:
    """When to take a sample of which task."""

    def __init__(self) -> None:
        #: By the names of tasks: bounded, like the names that an application registers.
        self.last: dict[str, Last] = {}

    def is_due(self, name: str, chars: int) -> bool:
        """Whether it is time for a sample of such a task, whose payload has so many characters."""
        last = self.last.get(name, NEVER_SAMPLED)
        return time.perf_counter() >= last.due_at or chars > last.largest * GROWTH

    def take(self, name: str, chars: int, args: Any, kwargs: Any, levels: int | None) -> Sampled:
        """The lengths of both reprs of a task; `levels`: `task_repr_maxlevels`."""
        began = time.perf_counter()
        sizes = (
            (ARGS_REPR, repr_chars(tuple(args or ()), levels)),
            (KWARGS_REPR, repr_chars(kwargs or {}, levels)),
        )
        took = time.perf_counter() - began
        largest = max(chars, self.last.get(name, NEVER_SAMPLED).largest)
        self.last[name] = Last(
            due_at=began + max(INTERVAL_SECONDS, COST_FACTOR * took),
            enough=min(largest * GROWTH, MOVE_ABOVE_CHARS),
            largest=largest,
        )
        return Sampled(sizes, round(took * 1e6))
