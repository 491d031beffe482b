"""Any process that sends tasks: the stamp, the count of what was sent, what could not be sent."""

from __future__ import annotations

import time
from typing import Any

from celery import Celery, current_task, states

from wire import metrics
from wire.payloads import ARGS, KWARGS, Finding
from wire.producer import read_stamp, stamp
from wire.tasks import TaskRecord
from worker.metrics.labels import TaskLabels
from worker.metrics.measure import measure
from worker.metrics.recorder import Recorder
from worker.metrics.refused import caller, refusal
from worker.metrics.running import told


class Publishing:
    """The handlers of one application."""

    def __init__(self, app: Celery, recorder: Recorder, labels: TaskLabels) -> None:
        self._app, self._recorder, self._labels = app, recorder, labels

    def before(self, headers: Any = None, **_: object) -> None:
        """A message is about to be sent."""
        # That it is tried again was told: so must be what comes of it.
        tried = bool(headers and headers.get("retries"))
        stamp(headers, self._app.amqp, told=tried or self._recorder.records.has_room)

    def sent(
        self,
        sender: str,
        headers: Any = None,
        body: Any = None,
        routing_key: str | None = None,
        **_: object,
    ) -> None:
        """A message was taken by the broker."""
        task = self._labels.task(sender)
        queue = self._labels.queue(routing_key)
        with self._recorder as tally:
            tally.tasks[task, queue, metrics.SENT] += 1
            if not (headers and headers.get("id")):
                return
            if read_stamp(headers).told:
                self._recorder.records.promise(
                    headers["id"], lambda: _record(task, queue, headers, body)
                )
            else:
                self._recorder.records.dropped += 1

    def refused(self, name: str, message: Any, error: Exception) -> None:
        """A message could not be sent.  Inside a task, the failure of the task tells it."""
        found = None if current_task else refusal(error)
        if found is None:
            return
        found["path"] = " · ".join(filter(None, (_strange(message, found["type"]), caller())))
        task, found["type"] = self._labels.task(name), self._labels.exception(found["type"])
        task_id = str(message.headers.get("id") or "")
        with self._recorder as tally:
            tally.finding(
                Finding(task=task, task_id=task_id, at=round(time.time(), 3), times=1, **found)
            )


def _strange(message: Any, type_name: str) -> str:
    """Where in the arguments of a message a value of this type is; "" when it cannot be told."""
    if not isinstance(message.body, tuple):
        return ""
    parts = zip((ARGS, KWARGS), message.body[:2], strict=True)
    found = [strange for part, value in parts for strange in measure(value, part).strange]
    return next((strange.path for strange in found if strange.type == type_name), "")


def _record(task: str, queue: str, headers: Any, body: Any) -> TaskRecord:
    args, kwargs = body[:2] if isinstance(body, (tuple, list)) and len(body) > 1 else ((), {})
    return TaskRecord(
        id=headers["id"],
        name=task,
        state=states.PENDING,
        queue=queue,
        sent_at=round(time.time(), 3),
        retries=headers.get("retries") or 0,
        args=told(args),
        kwargs=told(kwargs),
        root_id=headers.get("root_id") or "",
        parent_id=headers.get("parent_id") or "",
    )
