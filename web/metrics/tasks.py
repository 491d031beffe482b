"""Families about tasks over all workers: those of the two monitoring documents."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator

from web.metrics.exposition import Buckets, Family
from web.metrics.measured import Measured
from web.state import State
from wire.fields import OTHER
from wire.metrics import (
    BOUNDS,
    FAILURE,
    RECEIVED,
    REJECTED,
    RETRY,
    REVOKED,
    STARTED,
    SUCCESS,
    TIMEOUT,
    Histogram,
    Totals,
)

#: Names of tasks that are told apart; the rest together are `other`.
TASKS_MAX = 1_000

_COUNTED = (SUCCESS, FAILURE, RETRY, REVOKED)
_STATES = {SUCCESS: "SUCCESS", FAILURE: "FAILURE", RETRY: "RETRY", REVOKED: "REVOKED"}


class TaskNames:
    """The names that are told apart."""

    def __init__(self, names: Iterable[str]) -> None:
        self._known = frozenset(sorted(set(names))[:TASKS_MAX])

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._known))

    def __call__(self, name: str) -> str:
        return name if name in self._known else OTHER


def task_names(measured: Measured) -> TaskNames:
    """The tasks that a worker has had in its hands."""
    taken = (RECEIVED, STARTED, TIMEOUT, REJECTED, *_COUNTED)
    return TaskNames(task for task, status in measured.totals.tasks if status in taken)


def buckets(histogram: Histogram, bounds: tuple[float, ...] = BOUNDS) -> Buckets:
    """A histogram of `wire.metrics`, with some of its bounds or all of them."""
    if bounds == BOUNDS:
        return Buckets(BOUNDS, histogram.counts, histogram.sum_seconds)
    counts = histogram.counts
    merged = tuple(sum(counts[first:end]) for first, end in _merged(bounds))
    return Buckets(bounds, merged, histogram.sum_seconds)


@functools.lru_cache
def _merged(bounds: tuple[float, ...]) -> tuple[tuple[int, int], ...]:
    """Of each bucket of `bounds`, some of `BOUNDS`: the first one of ours and the one behind."""
    ends = [*(BOUNDS.index(bound) + 1 for bound in bounds), len(BOUNDS) + 1]
    return tuple(itertools.pairwise((0, *ends)))


def task_families(state: State, measured: Measured) -> list[Family]:
    """Everything about tasks that is not of one worker."""
    names, totals = task_names(measured), measured.totals
    return [
        *_counts(names, totals),
        _durations(names, totals),
        _waits(names, totals),
        _retries(names, totals),
        _failure_rate(names, measured),
        _active(names, state),
    ]


def _counts(names: TaskNames, totals: Totals) -> list[Family]:
    by_task = Family(
        "celery_task_total", "counter", "Tasks by how they ended.", ("task_name", "status")
    )
    by_state = Family("celery_tasks_total", "counter", "Tasks by how they ended.", ("state",))
    timeouts = Family(
        "celery_task_timeouts_total", "counter", "Tasks beyond a time limit.", ("task_name",)
    )
    for name in names:  # a counter that begins at 1 has lost its first increase
        timeouts.add(0, name)
        for status in _COUNTED:
            by_task.add(0, name, status)
    for state in _STATES.values():
        by_state.add(0, state)
    for (task, status), number in totals.tasks.items():
        if status in _COUNTED:
            by_task.add(number, names(task), status)
            by_state.add(number, _STATES[status])
        elif status == TIMEOUT:
            timeouts.add(number, names(task))
    return [by_task, by_state, timeouts]


def _durations(names: TaskNames, totals: Totals) -> Family:
    family = Family(
        "celery_task_duration_seconds",
        "histogram",
        "How long tasks ran.",
        ("task_name", "status"),
    )
    for (task, status), histogram in totals.durations.items():
        family.observe(buckets(histogram), names(task), status)
    return family


def _waits(names: TaskNames, totals: Totals) -> Family:
    family = Family(
        "celery_task_wait_time_seconds",
        "histogram",
        "How long tasks waited from being sent to being started, a wanted delay left out.",
        ("task_name", "queue_name"),
    )
    for (task, queue), histogram in totals.waits.items():
        family.observe(buckets(histogram), names(task), queue)
    return family


def _retries(names: TaskNames, totals: Totals) -> Family:
    family = Family(
        "celery_task_retries_total", "counter", "Retries by reason.", ("task_name", "reason")
    )
    for (task, reason), number in totals.retries.items():
        family.add(number, names(task), reason)
    return family


def _failure_rate(names: TaskNames, measured: Measured) -> Family:
    family = Family(
        "celery_task_failure_rate", "gauge", "Failures in the last minute.", ("task_name",)
    )
    for name in names:
        family.add(0, name)
    for task, number in measured.failures_a_minute.items():
        family.add(number, names(task))
    return family


def _active(names: TaskNames, state: State) -> Family:
    """Nothing without a worker that answers: what a silent one does is not known."""
    family = Family("celery_active_tasks", "gauge", "Tasks that run now.", ("task_name",))
    beats = [worker.beat for worker in state.workers if not worker.silent]
    if beats:
        for name in names:
            family.add(0, name)
    for beat in beats:
        for task, number in beat.active.items():
            family.add(max(0, number), names(task))
    return family
