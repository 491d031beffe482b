"""Lengths of whole reprs, of samples: counting one takes many times as long as the JSON."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from wire.payloads import ARGS_REPR, KWARGS_REPR
from worker.metrics.measure import repr_chars
from worker.metrics.running import Running

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


@dataclass(slots=True)
class _Task:
    due_at: float = float("-inf")
    largest: int = 0


class ReprSamples:
    """When to take a sample of which task."""

    def __init__(self) -> None:
        self._tasks: dict[str, _Task] = {}

    def take(self, running: Running, levels: Callable[[], int | None]) -> Sampled | None:
        """The lengths of both reprs of a task, if it is time for a sample."""
        task = self._tasks.get(running.task)
        if task is None:
            task = self._tasks[running.task] = _Task()
        chars = running.args_size.chars + running.kwargs_size.chars
        began = time.perf_counter()
        if began < task.due_at and chars <= task.largest * GROWTH:
            return None
        task.largest = max(task.largest, chars)
        sizes = (
            (ARGS_REPR, repr_chars(tuple(running.args or ()), levels())),
            (KWARGS_REPR, repr_chars(running.kwargs or {}, levels())),
        )
        took = time.perf_counter() - began
        task.due_at = began + max(INTERVAL_SECONDS, COST_FACTOR * took)
        return Sampled(sizes, round(took * 1e6))
