"""The process that runs a task: its payload, its wait, its time, its end.

Everything is taken at two signals.  `task_postrun` brings the exception or the result along, so
that nothing else need be connected where tasks run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded
from celery import Celery, states
from celery.app.task import Task
from celery.exceptions import Retry

from wire import metrics
from wire.payloads import (
    ARGS,
    ARGS_BYTES,
    CUT_PARSED_BACK,
    KWARGS,
    KWARGS_BYTES,
    NESTED,
    NOT_JSON,
    RESULT_BYTES,
    Finding,
)
from wire.producer import Stamp, read_stamp
from wire.sizes import MOVE_ABOVE_CHARS
from worker.metrics.cuts import was_cut, was_cut_by_depth
from worker.metrics.labels import TaskLabels
from worker.metrics.measure import Size, longest_list, measure
from worker.metrics.recorder import Recorder
from worker.metrics.refused import refusal
from worker.metrics.reporting import TaskReports
from worker.metrics.running import TOLD_AFTER_SECONDS, Running
from worker.metrics.sampling import ReprSamples
from worker.metrics.tally import Tally

_STATUSES = {
    states.SUCCESS: metrics.SUCCESS,
    states.FAILURE: metrics.FAILURE,
    states.RETRY: metrics.RETRY,
    states.REJECTED: metrics.REJECTED,
    states.IGNORED: metrics.IGNORED,
}
_TIMED = (metrics.SUCCESS, metrics.FAILURE, metrics.RETRY)
#: Tasks that may run in one process at once and be measured.
RUNNING_MAX = 10_000


class Execution:
    """The handlers of one application."""

    def __init__(
        self, app: Celery, recorder: Recorder, labels: TaskLabels, reports: TaskReports
    ) -> None:
        self._app, self._recorder, self._labels, self._reports = app, recorder, labels, reports
        self._samples = ReprSamples()
        self._repr_levels: tuple[int | None] | None = None
        self.running: dict[str, Running] = {}
        #: Those of them whose start is not counted yet: whoever takes one out counts it.
        self._begun: dict[str, Running] = {}
        recorder.before_flush.append(self._tell_running)
        os.register_at_fork(after_in_child=self._forget_running)

    def prerun(
        self, task_id: str, task: Task[Any, Any], args: Any, kwargs: Any, **_: object
    ) -> None:
        """A task begins: measure what it carries."""
        if task.app is not self._app or len(self.running) >= RUNNING_MAX:
            return
        headers = vars(task.request)
        stamp = read_stamp(headers)
        args_size, kwargs_size = measure(args, "args"), measure(kwargs, "kwargs")
        running = Running(
            task_id=task_id,
            task=self._labels.task(task.name),
            queue=self._labels.queue(headers.get("delivery_info")),
            worker=headers.get("hostname") or self._recorder.host,
            retries=headers.get("retries") or 0,
            sent_at=stamp.sent_at,
            eta=headers.get("eta"),
            args=args,
            kwargs=kwargs,
            args_size=args_size,
            kwargs_size=kwargs_size,
            args_items=longest_list(args) if args_size.chars > MOVE_ABOVE_CHARS else 0,
            kwargs_items=longest_list(kwargs) if kwargs_size.chars > MOVE_ABOVE_CHARS else 0,
            root_id=headers.get("root_id") or "",
            parent_id=headers.get("parent_id") or "",
            started_at=time.time(),
            began=time.perf_counter(),
            promised=stamp.told,
        )
        running.cut = self._cut(running, headers, stamp)
        self.running[task_id] = self._begun[task_id] = running
        self._sample(running)
        self._reports.task(running)
        self._recorder.call_for_flush()

    def postrun(self, task_id: str, retval: Any, state: str | None, **_: object) -> None:
        """A task ends."""
        running = self.running.pop(task_id, None)
        status = _STATUSES.get(state or "")
        if running is None or status is None:
            return
        seconds = time.perf_counter() - running.began
        exception = retval if isinstance(retval, BaseException) else None
        result = retval if status == metrics.SUCCESS else None
        size = measure(result, "result") if status == metrics.SUCCESS else None
        with self._recorder as tally:
            if exception is not None:
                self._count_exception(tally, running, status, exception)
            self._recorder.records.tell(
                task_id,
                state or "",
                lambda: running.record(
                    state or "", seconds=seconds, exception=exception, result=result
                ),
                promised=running.promised,
            )
        running.args = running.kwargs = None  # may be large, and the rest is kept for a second
        is_new = self._begun.pop(task_id, None) is not None
        self._recorder.later(self._count, running, is_new, status, seconds, size)

    @property
    def _levels(self) -> int | None:
        """`task_repr_maxlevels`: reading a setting of Celery's takes as long as a measurement."""
        if self._repr_levels is None:
            self._repr_levels = (self._app.conf.task_repr_maxlevels,)
        return self._repr_levels[0]

    def _cut(self, running: Running, headers: Mapping[str, Any], stamp: Stamp) -> tuple[str, ...]:
        """Which of the reprs in the message were cut by size: `args`, `kwargs`."""
        texts = headers.get("argsrepr") or "", headers.get("kwargsrepr") or ""
        if "..." not in texts[0] and "..." not in texts[1]:
            return ()
        cut = []
        # The sender had a tuple, the worker has a list: brackets of the same width.
        if was_cut(texts[0], stamp.args_limit, tuple(running.args or ()), self._levels):
            cut.append(ARGS)
        if was_cut(texts[1], stamp.kwargs_limit, running.kwargs, self._levels):
            cut.append(KWARGS)
        if any(map(was_cut_by_depth, texts)):
            with self._recorder as tally:
                tally.finding(_finding(running.task, running.task_id, NESTED))
        return tuple(cut)

    def _count(
        self, tally: Tally, running: Running, is_new: bool, status: str, seconds: float,
        result: Size | None,
    ) -> None:  # fmt: skip
        """Count the end of a task, and its start if nobody has."""
        if is_new:
            self._count_start(tally, running)
        task, queue = running.task, running.queue
        tally.tasks[task, queue, status] += 1
        if status in _TIMED:
            tally.durations[task, queue, status].add(seconds)
        if result is not None:
            tally.size(task, RESULT_BYTES, result.utf8_bytes, running.task_id, queue)
            self._name(tally, running, result)

    def _count_start(self, tally: Tally, running: Running) -> None:
        task, who = running.task, (running.task_id, running.queue)
        args, kwargs = running.args_size, running.kwargs_size
        tally.tasks[task, running.queue, metrics.STARTED] += 1
        if running.sent_at is not None:
            since = max(running.sent_at, _epoch(running.eta))
            tally.waits[task, running.queue].add(max(0.0, running.started_at - since))
        tally.size(task, ARGS, args.chars, *who, running.args_items)
        tally.size(task, KWARGS, kwargs.chars, *who, running.kwargs_items)
        tally.size(task, ARGS_BYTES, args.utf8_bytes, *who)
        tally.size(task, KWARGS_BYTES, kwargs.utf8_bytes, *who)
        if args.strange or kwargs.strange:
            tally.not_json[task] += 1
            self._name(tally, running, args)
            self._name(tally, running, kwargs)
        for part in running.cut:
            tally.cuts[task, part] += 1
        if running.cut:
            tally.cuts[task, "any"] += 1

    def _name(self, tally: Tally, running: Running, size: Size) -> None:
        for strange in size.strange:
            kind = CUT_PARSED_BACK if strange.type == "ellipsis" else NOT_JSON
            label = self._labels.exception(strange.type)
            tally.finding(
                _finding(running.task, running.task_id, kind, type=label, path=strange.path)
            )

    def _count_exception(
        self, tally: Tally, running: Running, status: str, exception: BaseException
    ) -> None:
        if isinstance(exception, Retry):
            reason = type(exception.exc).__name__ if exception.exc is not None else "requested"
            tally.retries[running.task, self._labels.exception(reason)] += 1
        elif status == metrics.FAILURE:
            label = self._labels.exception(type(exception).__name__)
            tally.failures[running.task, running.queue, label] += 1
            if isinstance(exception, SoftTimeLimitExceeded):
                tally.tasks[running.task, running.queue, metrics.TIMEOUT] += 1
            refused = refusal(exception)
            if refused is not None:
                tally.finding(_finding(running.task, running.task_id, **refused))

    def _sample(self, running: Running) -> None:
        """Now and then, and for the largest so far: how long the whole reprs would be."""
        found = self._samples.take(running, lambda: self._levels)
        if found:
            with self._recorder as tally:
                for measure_name, chars in found.sizes:
                    who = (running.task_id, running.queue)
                    tally.size(running.task, measure_name, chars, *who)
                tally.recorder["repr_us"] += found.microseconds

    def _tell_running(self) -> None:
        """Starts, and records of tasks that have run for a while; called by the recorder's thread.

        A task that ends meanwhile has the last word.
        """
        for task_id in list(self._begun):
            running = self._begun.pop(task_id, None)
            if running is not None:
                self._recorder.later(self._count_start, running)
        now = time.perf_counter()
        for task_id, running in list(self.running.items()):
            if running.told:
                continue
            if now - running.began < TOLD_AFTER_SECONDS:
                self._recorder.call_for_flush()
                continue
            with self._recorder:
                if task_id in self.running:
                    running.told = running.promised = True
                    self._recorder.records.promise(task_id, running.record)

    def _forget_running(self) -> None:
        """A forked process runs nothing of what its parent does."""
        self.running.clear()
        self._begun.clear()


def _finding(task: str, task_id: str, kind: str, **where: str) -> Finding:
    return Finding(
        task=task, kind=kind, task_id=task_id, at=round(time.time(), 3), times=1, **where
    )


def _epoch(eta: str | None) -> float:
    """An ETA of a message in epoch seconds; 0 when there is none."""
    if not eta:
        return 0.0
    try:
        return datetime.fromisoformat(eta).timestamp()
    except (TypeError, ValueError):
        return 0.0
