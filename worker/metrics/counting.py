"""Counting starts and ends of tasks: many at once, with the recorder's lock held."""

from __future__ import annotations

import time
from collections import defaultdict
from datetime import datetime

from wire import metrics
from wire.payloads import (
    ARGS,
    ARGS_BYTES,
    CUT_PARSED_BACK,
    KWARGS,
    KWARGS_BYTES,
    NOT_JSON,
    RESULT_BYTES,
    Finding,
)
from wire.producer import stamp_of
from worker.metrics.labels import TaskLabels
from worker.metrics.measure import Size
from worker.metrics.recorder import Recorder
from worker.metrics.reporting import TaskReports
from worker.metrics.running import Ended, Start
from worker.metrics.tally import Tally

_TIMED = (metrics.SUCCESS, metrics.FAILURE, metrics.RETRY)


class Counting:
    """What is counted of the tasks of one application."""

    def __init__(self, labels: TaskLabels, reports: TaskReports, recorder: Recorder) -> None:
        self._labels, self._reports, self._recorder = labels, reports, recorder
        #: Ids and times of starts that were counted while their tasks ran.
        self._counted: set[tuple[str, float]] = set()

    def starts_of_running(self, tally: Tally, starts: list[Start]) -> None:
        """Count those that nobody has counted."""
        new = self._not_counted(starts)
        self._counted.update((start.task_id, start.at) for start in new)
        self._count_starts(tally, new)

    def ends(self, tally: Tally, ended: list[Ended]) -> None:
        """Count ends, and the starts of those that began since the last flush."""
        starts = [end.start for end in ended]
        self._count_starts(tally, self._not_counted(starts))
        self._counted.difference_update([(start.task_id, start.at) for start in starts])
        self._recorder.records.dropped += sum(not e.is_told for e in ended)
        kinds: defaultdict[tuple[str, str, str], list[Ended]] = defaultdict(list)
        for end in ended:
            kinds[end.start.name, end.start.routing_key, end.status].append(end)
        for (name, routing_key, status), same in kinds.items():
            task, queue = self._labels.both(name, routing_key)
            tally.tasks[task, queue, status] += len(same)
            if status in _TIMED:
                tally.durations[task, queue, status].add(*[end.seconds for end in same])
            if status == metrics.SUCCESS:
                ids = [end.start.task_id for end in same]
                results = [end.result for end in same if end.result is not None]
                sizes = [result.utf8_bytes for result in results]
                tally.sizes[task, RESULT_BYTES].add(RESULT_BYTES, queue, ids, sizes)
                for task_id, result in zip(ids, results, strict=True):
                    if result.strange:
                        self._name(tally, task, task_id, result)

    def forget(self, start: Start) -> None:
        """Of this task no end will be counted."""
        self._counted.discard((start.task_id, start.at))

    def forget_running(self) -> None:
        """A forked process runs nothing of what its parent does."""
        self._counted.clear()

    def _not_counted(self, starts: list[Start]) -> list[Start]:
        if not self._counted:
            return starts
        return [start for start in starts if (start.task_id, start.at) not in self._counted]

    def _count_starts(self, tally: Tally, starts: list[Start]) -> None:
        kinds: defaultdict[tuple[str, str], list[Start]] = defaultdict(list)
        for start in starts:
            kinds[start.name, start.routing_key].append(start)
        for kind, same in kinds.items():
            task, queue = self._labels.both(*kind)
            tally.tasks[task, queue, metrics.STARTED] += len(same)
            due = ((start.at, _due_at(start)) for start in same)
            tally.waits[task, queue].add(*[max(0.0, at - of) for at, of in due if of is not None])
            self._count_payloads(tally, task, queue, same)

    def _count_payloads(self, tally: Tally, task: str, queue: str, same: list[Start]) -> None:
        ids, args, kwargs, notes = zip(
            *[(start.task_id, start.args, start.kwargs, start.notes) for start in same],
            strict=True,
        )
        args_chars, args_bytes, args_strange = zip(*args, strict=True)
        kwargs_chars, kwargs_bytes, kwargs_strange = zip(*kwargs, strict=True)
        for measure, sizes, items in (
            (ARGS, args_chars, [note.args_items for note in notes]),
            (KWARGS, kwargs_chars, [note.kwargs_items for note in notes]),
            (ARGS_BYTES, args_bytes, ()),
            (KWARGS_BYTES, kwargs_bytes, ()),
        ):
            tally.sizes[task, measure].add(measure, queue, ids, sizes, items)
        if max(*args_chars, *kwargs_chars) > self._reports.chars:
            self._reports.task(task, max(same, key=_chars))
        if any(args_strange) or any(kwargs_strange):
            odd = [start for start in same if start.args.strange or start.kwargs.strange]
            tally.not_json[task] += len(odd)
            for start in odd:
                self._name(tally, task, start.task_id, start.args)
                self._name(tally, task, start.task_id, start.kwargs)
        for cut in [note.cut for note in notes if note.cut]:
            for part in (*cut, "any"):
                tally.cuts[task, part] += 1

    def _name(self, tally: Tally, task: str, task_id: str, size: Size) -> None:
        """Tell what JSON cannot hold."""
        for strange in size.strange:
            kind = CUT_PARSED_BACK if strange.type == "ellipsis" else NOT_JSON
            label = self._labels.exception(strange.type)
            tally.finding(finding(task, task_id, kind, type=label, path=strange.path))


def finding(task: str, task_id: str, kind: str, **where: str) -> Finding:
    """Something that was found now."""
    return Finding(
        task=task, kind=kind, task_id=task_id, at=round(time.time(), 3), times=1, **where
    )


def _chars(start: Start) -> int:
    return max(start.args.chars, start.kwargs.chars)


def _due_at(start: Start) -> float | None:
    """When a task was sent, or its ETA if that is later, in epoch seconds."""
    sent_at = stamp_of(start.stamp).sent_at
    if not start.eta or sent_at is None:
        return sent_at
    try:
        return max(sent_at, datetime.fromisoformat(start.eta).timestamp())
    except (TypeError, ValueError):
        return sent_at
