"""The worker's main process: what arrives, and what ends without a pool process to say so.

Tasks that are revoked, whose process was killed or which ran into a hard limit end here.  A hard
limit makes Celery send `task_failure` twice: the second within a minute is left out.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from weakref import ref

from billiard.exceptions import TimeLimitExceeded
from celery import Celery, states
from celery.app.task import Task
from celery.exceptions import Reject
from kombu.utils.json import dumps

from wire import metrics
from wire.fields import OTHER
from wire.payloads import WIRE_BYTES
from wire.producer import read_stamp
from wire.tasks import TaskRecord
from worker.metrics.labels import TaskLabels, routing_key
from worker.metrics.measure import written_chars
from worker.metrics.recorder import Recorder
from worker.metrics.running import TOLD_AFTER_SECONDS, Running, described, told
from worker.metrics.tally import Tally

#: Failures that are remembered, and for how many seconds a second one is the same.
FAILED_MAX, SAME_SECONDS = 1_000, 60.0
#: Name of the task, routing key, task id, bytes.
_Arrived = tuple[str, str, str, int]


class Arrival:
    """The handlers of one application."""

    def __init__(
        self,
        app: Celery,
        recorder: Recorder,
        labels: TaskLabels,
        running: Mapping[str, Running],
    ) -> None:
        """`running`: the tasks of this process, which tell of their own end."""
        self._app, self._recorder, self._labels, self._running = app, recorder, labels, running
        self._failed: dict[str, float] = {}
        #: What the pool has; Celery itself forgets a request before it says that it failed.
        #: (A WeakValueDictionary would call Python for each request that goes.)
        self._requests: dict[str, ref[Any]] = {}
        recorder.before_flush.append(self._forget_requests)
        self._arrived = recorder.backlog(self._count_received)

    def received(self, request: Any, **_: object) -> None:
        """A message has come.  It guards itself: see `Execution`."""
        if request.task.app is not self._app:
            return
        began = time.perf_counter()
        try:
            task_id, message = request.id, request.message
            self._failed.pop(task_id, None)
            self._requests[task_id] = ref(request)
            key = routing_key(request.delivery_info)
            self._arrived((request.task.name, key, task_id, wire_bytes(message)))
            self._recorder.handler_seconds += time.perf_counter() - began
        except Exception as error:
            self._recorder.blame(error)

    def _count_received(self, tally: Tally, messages: list[_Arrived]) -> None:
        kinds: defaultdict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
        for name, key, task_id, size in messages:
            kinds[name, key].append((task_id, size))
        for kind, same in kinds.items():
            task, queue = self._labels.both(*kind)
            ids, sizes = zip(*same, strict=True)
            tally.tasks[task, queue, metrics.RECEIVED] += len(same)
            tally.sizes[task, WIRE_BYTES].add(WIRE_BYTES, queue, ids, sizes)

    def failure(
        self, sender: Task[Any, Any], task_id: str, exception: BaseException, **_: object
    ) -> None:
        """A task has failed; those whose process can still speak are counted there."""
        if sender.app is not self._app or task_id in self._running:
            return
        if isinstance(exception, Reject) or self._is_known(task_id):
            return  # counted where it ran, or a moment ago
        task = self._labels.task(sender.name)
        request = self._requests.get(task_id, _nothing)()
        queue = self._labels.queue(routing_key(request.delivery_info)) if request else ""
        timed = isinstance(exception, TimeLimitExceeded)
        seconds = _seconds(request)
        with self._recorder as tally:
            tally.tasks[task, queue, metrics.FAILURE] += 1
            label = self._labels.exception(type(exception).__name__)
            tally.failures[task, queue, label] += 1
            if timed:
                tally.tasks[task, queue, metrics.TIMEOUT] += 1
            if seconds is not None:
                tally.durations[task, queue, metrics.FAILURE].add(seconds)
            self._recorder.records.tell(
                task_id,
                states.FAILURE,
                lambda: self._record(task_id, task, queue, states.FAILURE, request, exception),
                promised=_was_told(request),
            )

    def revoked(self, request: Any, **_: object) -> None:
        """A task was revoked: before it ran, or while it did."""
        if getattr(getattr(request, "task", None), "app", self._app) is not self._app:
            return
        name = getattr(request, "task", None) or getattr(request, "name", None)
        name = getattr(name, "name", name) or OTHER
        task = self._labels.task(str(name))
        queue = self._labels.queue(routing_key(getattr(request, "delivery_info", None)))
        with self._recorder as tally:
            tally.tasks[task, queue, metrics.REVOKED] += 1
            self._recorder.records.tell(
                request.id,
                states.REVOKED,
                lambda: self._record(request.id, task, queue, states.REVOKED, request, None),
                promised=_was_told(request),
            )

    def rejected(self, **_: object) -> None:
        """A message that no task can be made of: its name is not to be trusted."""
        with self._recorder as tally:
            tally.tasks[OTHER, "", metrics.REJECTED] += 1

    def _forget_requests(self, _: Tally) -> None:
        for task_id, request in list(self._requests.items()):
            if request() is None and self._requests.get(task_id) is request:
                del self._requests[task_id]

    def _is_known(self, task_id: str) -> bool:
        now = time.monotonic()
        known = now - self._failed.pop(task_id, float("-inf")) < SAME_SECONDS
        self._failed[task_id] = now
        while len(self._failed) > FAILED_MAX:
            del self._failed[next(iter(self._failed))]
        return known

    def _record(
        self,
        task_id: str,
        task: str,
        queue: str,
        state: str,
        request: Any,
        exception: BaseException | None,
    ) -> TaskRecord:
        seconds = _seconds(request)
        now = time.time()
        headers = getattr(request, "request_dict", None) or {}
        return TaskRecord(
            id=task_id,
            name=task,
            state=state,
            worker=self._recorder.host,
            queue=queue,
            sent_at=read_stamp(headers).sent_at,
            started_at=None if seconds is None else round(now - seconds, 3),
            finished_at=round(now, 3),
            runtime_seconds=None if seconds is None else round(seconds, 6),
            retries=headers.get("retries") or 0,
            exception="" if exception is None else described(exception),
            args=told(getattr(request, "args", None) or []),
            kwargs=told(getattr(request, "kwargs", None) or {}),
            root_id=headers.get("root_id") or "",
            parent_id=headers.get("parent_id") or "",
        )


def _nothing() -> None:
    """As a reference to what is no more."""


def wire_bytes(message: Any) -> int:
    """Bytes of a message as it lay in Redis: kombu's JSON of it, the body in base64."""
    return _envelope_bytes(_envelope(message)) + _body_bytes(message)


def _envelope(message: Any) -> dict[str, Any]:
    """What lies around the body of a message."""
    return {
        "body": "",
        "content-encoding": message.content_encoding,
        "content-type": message.content_type,
        "headers": message.headers,
        "properties": message.properties,
    }


def _envelope_bytes(envelope: Mapping[str, Any]) -> int:
    try:
        return written_chars(envelope)
    except (TypeError, ValueError):  # a header that only kombu's own JSON can hold
        return len(dumps(envelope))


def _body_bytes(message: Any) -> int:
    """Bytes of the body as it lay in Redis."""
    if message.headers.get("compression"):  # kombu has inflated `message.body`, and keeps this
        received = getattr(message, "_raw", None) or {}
        if isinstance(text := received.get("body"), str):
            return len(text)
    body = message.body
    size = len(body.encode() if isinstance(body, str) else body or b"")
    return 4 * -(-size // 3)


def _was_told(request: Any) -> bool:
    """Whether somebody may know of a task: its sender told of it, or it has run for long."""
    headers = getattr(request, "request_dict", None) or {}
    return read_stamp(headers).told or (_seconds(request) or 0.0) > TOLD_AFTER_SECONDS


def _seconds(request: Any) -> float | None:
    """How long a task of this worker has run, if it did."""
    began = getattr(request, "time_start", None)
    return None if began is None else max(0.0, time.time() - began)
