"""The process that runs a task: its payload, its wait, its time, its end.

Everything is taken at two signals.  `task_postrun` brings the exception or the result along, so
that nothing else need be connected where tasks run.  A handler does what cannot wait, and appends
to a backlog; `counting` does the rest.
"""

from __future__ import annotations

import os
import time
from functools import partial
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded
from celery import Celery, states
from celery.app.task import Task
from celery.exceptions import Retry

from wire import metrics
from wire.payloads import ARGS, KWARGS, NESTED
from wire.producer import HEADER, may_be_told, stamp_of
from wire.sizes import MOVE_ABOVE_CHARS
from worker.metrics.counting import Counting, finding
from worker.metrics.cuts import was_cut, was_cut_by_depth
from worker.metrics.labels import TaskLabels, routing_key
from worker.metrics.measure import Size, longest_list, measure
from worker.metrics.recorder import Recorder
from worker.metrics.refused import refusal
from worker.metrics.reporting import TaskReports
from worker.metrics.running import (
    NO_NOTES,
    TOLD_AFTER_SECONDS,
    Notes,
    Running,
    Start,
    ended_of,
    running_of,
    start_of,
)
from worker.metrics.sampling import NEVER_SAMPLED, ReprSamples
from worker.metrics.tally import Tally

_STATUSES = {
    states.SUCCESS: metrics.SUCCESS,
    states.FAILURE: metrics.FAILURE,
    states.RETRY: metrics.RETRY,
    states.REJECTED: metrics.REJECTED,
    states.IGNORED: metrics.IGNORED,
}
#: Tasks that may run in one process at once and be measured.
RUNNING_MAX = 10_000


class Execution:
    """The handlers of one application.

    Those of both signals guard themselves, as `Metrics._guarded` does all others: one more call
    of a function that passes names on made tasks that do nothing 2 to 4 % slower.
    """

    def __init__(
        self, app: Celery, recorder: Recorder, labels: TaskLabels, reports: TaskReports
    ) -> None:
        self._app, self._recorder, self._labels = app, recorder, labels
        self._samples = ReprSamples()
        self._repr_levels: tuple[int | None] | None = None
        self.running: dict[str, Running] = {}
        #: Ids of those of them that were told as running.
        self._told: set[str] = set()
        self._counting = Counting(labels, reports, recorder)
        self._ended = recorder.backlog(self._counting.ends)
        recorder.before_flush.append(self._tell_running)
        os.register_at_fork(after_in_child=self._forget_running)

    def prerun(
        self, task_id: str, task: Task[Any, Any], args: Any, kwargs: Any, **_: object
    ) -> None:
        """A task begins: measure what it carries, before it may change that."""
        if task.app is not self._app or len(self.running) >= RUNNING_MAX:
            return
        looked = time.perf_counter()
        try:
            name, headers = task.name, vars(task.request)
            args_size, kwargs_size = measure(args, "args"), measure(kwargs, "kwargs")
            notes, sampled = NO_NOTES, self._samples.last.get(name, NEVER_SAMPLED)
            if (
                args_size.chars + kwargs_size.chars > sampled.enough
                or looked >= sampled.due_at
                or "..." in (headers.get("argsrepr") or "")
                or "..." in (headers.get("kwargsrepr") or "")
            ):
                notes = self._look_at(task_id, name, headers, args, kwargs, args_size, kwargs_size)
            start = start_of((
                task_id, name, routing_key(headers.get("delivery_info")), headers.get(HEADER),
                headers.get("eta"), args_size, kwargs_size, notes, time.time(),
            ))  # fmt: skip
            self._recorder.call_for_flush()
            began = time.perf_counter()
            self.running[task_id] = running_of((start, headers, args, kwargs, began))
            self._recorder.handler_seconds += began - looked
        except Exception as error:
            self._recorder.blame(error)

    def postrun(self, task_id: str, retval: Any, state: str | None, **_: object) -> None:
        """A task ends."""
        running = self.running.pop(task_id, None)
        status = _STATUSES.get(state or "")
        if running is None:
            return
        if status is None:  # its process is about to end, or a pool thread: no state of a task
            self._told.discard(task_id)
            self._counting.forget(running.start)
            return
        ended = time.perf_counter()
        try:
            is_success = status == metrics.SUCCESS
            size = measure(retval, "result") if is_success else None
            is_told = (
                not is_success
                or may_be_told(running.start.stamp)
                or task_id in self._told
                or self._recorder.records.has_room
            )
            seconds = ended - running.began
            if is_told:
                self._tell(running, state or "", status, seconds, retval)
            self._ended(ended_of((running.start, status, seconds, size, is_told)))
            self._recorder.handler_seconds += time.perf_counter() - ended
        except Exception as error:
            self._recorder.blame(error)

    @property
    def _levels(self) -> int | None:
        """`task_repr_maxlevels`: reading a setting of Celery's takes as long as a measurement."""
        if self._repr_levels is None:
            self._repr_levels = (self._app.conf.task_repr_maxlevels,)
        return self._repr_levels[0]

    def _look_at(
        self, task_id: str, name: str, headers: dict[str, Any], args: Any, kwargs: Any,
        args_size: Size, kwargs_size: Size,
    ) -> Notes:  # fmt: skip
        """What needs the payload itself, of few tasks: cut reprs, lists to be split, samples."""
        task, queue = self._labels.both(name, routing_key(headers.get("delivery_info")))
        chars = args_size.chars + kwargs_size.chars
        if self._samples.is_due(name, chars):
            found = self._samples.take(name, chars, args, kwargs, self._levels)
            with self._recorder as tally:
                for measure_name, repr_chars in found.sizes:
                    tally.size(task, measure_name, repr_chars, task_id, queue)
                tally.recorder["repr_us"] += found.microseconds
        texts = headers.get("argsrepr") or "", headers.get("kwargsrepr") or ""
        if any(map(was_cut_by_depth, texts)):
            with self._recorder as tally:
                tally.finding(finding(task, task_id, NESTED))
        cut, stamp = [], stamp_of(headers.get(HEADER))
        # The sender had a tuple, the worker has a list: brackets of the same width.
        if was_cut(texts[0], stamp.args_limit, tuple(args or ()), self._levels):
            cut.append(ARGS)
        if was_cut(texts[1], stamp.kwargs_limit, kwargs, self._levels):
            cut.append(KWARGS)
        return Notes(
            tuple(cut),
            longest_list(args) if args_size.chars > MOVE_ABOVE_CHARS else 0,
            longest_list(kwargs) if kwargs_size.chars > MOVE_ABOVE_CHARS else 0,
        )

    def _tell(self, running: Running, state: str, status: str, seconds: float, retval: Any) -> None:
        """Count what its exception says, and offer a record of a task that has ended."""
        start = running.start
        task, queue = self._labels.both(start.name, start.routing_key)
        exception = retval if isinstance(retval, BaseException) else None
        result = retval if status == metrics.SUCCESS else None
        with self._recorder as tally:
            if exception is not None:
                self._count_exception(tally, start, task, queue, status, exception)
            self._recorder.records.tell(
                start.task_id,
                state,
                partial(
                    running.record, task, queue, self._recorder.host, state,
                    seconds=seconds, exception=exception, result=result,
                ),
                promised=stamp_of(start.stamp).told or start.task_id in self._told,
            )  # fmt: skip
            self._told.discard(start.task_id)

    def _count_exception(
        self, tally: Tally, start: Start, task: str, queue: str, status: str,
        exception: BaseException,
    ) -> None:  # fmt: skip
        if isinstance(exception, Retry):
            reason = type(exception.exc).__name__ if exception.exc is not None else "requested"
            tally.retries[task, self._labels.exception(reason)] += 1
        elif status == metrics.FAILURE:
            label = self._labels.exception(type(exception).__name__)
            tally.failures[task, queue, label] += 1
            if isinstance(exception, SoftTimeLimitExceeded):
                tally.tasks[task, queue, metrics.TIMEOUT] += 1
            refused = refusal(exception)
            if refused is not None:
                tally.finding(finding(task, start.task_id, **refused))

    def _tell_running(self, tally: Tally) -> None:
        """Starts, and records of tasks that have run for a while."""
        now, running = time.perf_counter(), list(self.running.values())
        self._counting.starts_of_running(tally, [one.start for one in running])
        for one in running:
            task_id = one.start.task_id
            if task_id in self._told:
                continue
            if now - one.began < TOLD_AFTER_SECONDS:
                self._recorder.call_for_flush()
                continue
            self._told.add(task_id)  # before the look: whoever ends it meanwhile tells its end
            if task_id not in self.running:
                self._told.discard(task_id)
                continue
            task, queue = self._labels.both(one.start.name, one.start.routing_key)
            record = partial(one.record, task, queue, self._recorder.host)
            self._recorder.records.promise(task_id, record)

    def _forget_running(self) -> None:
        """A forked process runs nothing of what its parent does."""
        self.running.clear()
        self._told.clear()
        self._counting.forget_running()
