"""Tasks in the log: started, completed, failed, retried, revoked; for any Celery application.

A record has the fields `event` (such as `task_failed`), `task_id`, `task_name`, and where they are
known `scan_id`, `duration_seconds`, `args`, `kwargs`, `result`, `exception`: bounded, without
secrets.  The logger `needle.tasks` gets it; `wire.logs` makes a line of JSON of it.
"""

from __future__ import annotations

import inspect
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

from billiard.exceptions import TimeLimitExceeded
from celery import Celery, signals, states

from wire.redaction import HIDDEN, is_secret, redacted

log = logging.getLogger("needle.tasks")

#: Characters of arguments and results in a record.
ARGUMENT_CHARS, RESULT_CHARS = 500, 200
#: Tasks remembered: those that run in this process, and those whose failure was logged.
REMEMBERED = 1_000


def log_tasks(app: Celery, *, every_task: bool = True) -> None:
    """Log the tasks of `app` that fail or are revoked; with `every_task` also start and end.

    Celery's own lines about the end of a task go: they would say the same, unredacted.
    """
    records = _TaskRecords(app, every_task)
    for signal, handler in (
        (signals.task_prerun, records.begin),
        (signals.task_postrun, records.end),
        (signals.task_failure, records.fail),
        (signals.task_revoked, records.revoke),
    ):
        signal.connect(
            _unnoticed(handler),
            weak=False,
            dispatch_uid=f"needle.logs {id(app)} {handler.__name__}",
        )
    logging.getLogger("celery.app.trace").addFilter(_is_not_about_an_end)


class _TaskRecords:
    """The handlers; they run in pool processes, and for lost and late tasks in the main one."""

    def __init__(self, app: Celery, every_task: bool) -> None:
        self._app, self._every_task = app, every_task
        self._began: OrderedDict[str, float] = OrderedDict()
        self._failed: OrderedDict[str, None] = OrderedDict()

    def begin(self, task_id: str, task: Any, args: Any, kwargs: Any, **_: Any) -> None:
        if task.app is not self._app:
            return
        _remember(self._began, task_id, time.monotonic())
        if self._every_task:
            fields = _fields("task_started", task_id, task, args, kwargs)
            log.info("%s started", task.name, extra={"fields": fields})

    def end(
        self, task_id: str, task: Any, args: Any, kwargs: Any, retval: Any, state: Any, **_: Any
    ) -> None:
        if task.app is not self._app:
            return
        seconds = self._seconds(task_id)
        self._began.pop(task_id, None)
        if not self._every_task or state not in (states.SUCCESS, states.RETRY):
            return
        event = "task_completed" if state == states.SUCCESS else "task_retried"
        fields = _fields(event, task_id, task, args, kwargs) | {"duration_seconds": seconds}
        fields["result"] = redacted(retval, RESULT_CHARS)
        words = "completed" if state == states.SUCCESS else "will be retried"
        log.info("%s %s after %s s", task.name, words, seconds, extra={"fields": fields})

    def fail(
        self,
        sender: Any,
        task_id: str,
        exception: Any,
        args: Any,
        kwargs: Any,
        traceback: Any,
        **_: Any,
    ) -> None:
        if sender.app is not self._app or task_id in self._failed:
            return  # a hard time limit is told twice
        _remember(self._failed, task_id, None)
        fields = _fields("task_failed", task_id, sender, args, kwargs)
        fields["duration_seconds"] = self._seconds(task_id)
        if isinstance(exception, TimeLimitExceeded):  # told by the main process, which saw no begin
            fields["duration_seconds"] = float(exception.args[0])
        fields["exception"] = _described(exception)
        trace = traceback if isinstance(traceback, TracebackType) else None
        log.error(
            "%s failed: %s",
            sender.name,
            fields["exception"],
            exc_info=(type(exception), exception, trace),
            extra={"fields": fields},
        )

    def revoke(self, sender: Any, request: Any, terminated: bool, expired: bool, **_: Any) -> None:
        if sender.app is not self._app:
            return
        task_id = str(getattr(request, "id", None) or getattr(request, "task_id", ""))
        args, kwargs = getattr(request, "args", ()), getattr(request, "kwargs", {})
        fields = _fields("task_revoked", task_id, sender, args, kwargs)
        reason = "terminated" if terminated else "expired" if expired else "revoked"
        fields["duration_seconds"] = self._seconds(task_id)
        log.warning("%s was %s", sender.name, reason, extra={"fields": fields | {"reason": reason}})

    def _seconds(self, task_id: str) -> float | None:
        """How long the task has run, None when nobody here saw it begin."""
        began = self._began.get(task_id)
        return None if began is None else round(time.monotonic() - began, 3)


def _fields(event: str, task_id: str, task: Any, args: Any, kwargs: Any) -> dict[str, Any]:
    named = kwargs if isinstance(kwargs, Mapping) else {}
    fields: dict[str, Any] = {"event": event, "task_id": task_id, "task_name": task.name}
    scan_id = named.get("scan_id")
    if isinstance(scan_id, str):
        fields["scan_id"] = scan_id
    shown = _without_secrets(task, args) if isinstance(args, Sequence) else args
    fields["args"] = redacted(shown, ARGUMENT_CHARS)
    fields["kwargs"] = redacted(kwargs, ARGUMENT_CHARS)
    return fields


def _without_secrets(task: Any, args: Sequence[Any]) -> Sequence[Any]:
    """Positional arguments, without those that the task itself names like a secret."""
    try:
        names = [*inspect.signature(task.run).parameters][: len(args)]
    except (TypeError, ValueError):
        return args
    if not any(map(is_secret, names)):
        return args
    hidden = {index for index, name in enumerate(names) if is_secret(name)}
    return tuple(HIDDEN if index in hidden else arg for index, arg in enumerate(args))


def _described(error: Any) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # an exception whose __str__ fails
        return type(error).__name__


def _remember(known: OrderedDict[str, Any], task_id: str, value: Any) -> None:
    known[task_id] = value
    if len(known) > REMEMBERED:
        known.popitem(last=False)


def _unnoticed(handler: Callable[..., None]) -> Callable[..., None]:
    """A handler that never raises: a task must not fail because it is logged."""

    def handle(**named: Any) -> None:
        try:
            handler(**named)
        except Exception as error:
            log.warning("a task could not be logged: %r", error)

    return handle


def _is_not_about_an_end(record: logging.LogRecord) -> bool:
    """Celery's records of ends, and only they, carry `data` about their task.

    Those of its own errors, and of tasks that refused their message, are kept.
    """
    data = getattr(record, "data", None)
    is_end = isinstance(data, Mapping) and "id" in data
    return not (is_end and record.levelno in (logging.INFO, logging.ERROR))
