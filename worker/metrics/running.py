"""A task at its start, while it runs, and at its end; and what is told of it.

These are named tuples, made by `tuple.__new__` (the `_of` functions): handlers run between two
tasks, when nothing is in the processor's caches, and each Python function that they call takes
several times as long there as in a loop.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from wire.producer import stamp_of
from wire.redaction import redacted, redacted_text
from wire.tasks import STARTED, TaskRecord
from wire.text import escape_controls
from worker.metrics.measure import Size, shown

#: Characters of arguments, results and exceptions in a record.
SHOWN_CHARS, EXCEPTION_CHARS = 200, 300
#: A task is told as started when it runs for so long.
TOLD_AFTER_SECONDS = 1.0


class Notes(NamedTuple):
    """What there is to say of few tasks."""

    cut: tuple[str, ...] = ()  #: which reprs in its message were cut by size: `args`, `kwargs`
    args_items: int = 0  #: of a batch that had better be smaller, 0 for others
    kwargs_items: int = 0


NO_NOTES = Notes()


class Start(NamedTuple):
    """What is counted of a start."""

    task_id: str
    name: str
    routing_key: str
    stamp: Any  #: the header, see `wire.producer.stamp_of`
    eta: str | None
    args: Size
    kwargs: Size
    notes: Notes
    at: float  #: epoch seconds


class Running(NamedTuple):
    """A task that runs."""

    start: Start
    headers: Mapping[str, Any]
    args: Any
    kwargs: Any
    began: float  #: `time.perf_counter()`

    def record(
        self,
        task: str,
        queue: str,
        host: str,
        state: str = STARTED,
        *,
        seconds: float | None = None,
        exception: BaseException | None = None,
        result: Any = None,
    ) -> TaskRecord:
        """What is told of it: arguments cut and without secrets.

        `task`, `queue`: what it is counted under; `host`: of the worker, if its message names none.
        """
        text = "" if result is None else told(result)
        start, headers = self.start, self.headers
        return TaskRecord(
            id=start.task_id,
            name=task,
            state=state,
            worker=headers.get("hostname") or host,
            queue=queue,
            sent_at=stamp_of(start.stamp).sent_at,
            started_at=round(start.at, 3),
            finished_at=None if seconds is None else round(time.time(), 3),
            runtime_seconds=None if seconds is None else round(seconds, 6),
            retries=headers.get("retries") or 0,
            exception="" if exception is None else described(exception),
            args=told(self.args),
            kwargs=told(self.kwargs),
            args_chars=start.args.chars,
            kwargs_chars=start.kwargs.chars,
            result=text,
            result_cut=text.endswith("…"),
            root_id=headers.get("root_id") or "",
            parent_id=headers.get("parent_id") or "",
        )


class Ended(NamedTuple):
    """What is counted of an end."""

    start: Start
    status: str  #: of `wire.metrics`
    seconds: float
    result: Size | None  #: of a success
    is_told: bool  #: a record of it was made, or dropped and counted


start_of: partial[Start] = partial(tuple.__new__, Start)
running_of: partial[Running] = partial(tuple.__new__, Running)
ended_of: partial[Ended] = partial(tuple.__new__, Ended)


def told(value: Any) -> str:
    """Arguments or a result as a record tells them."""
    return escape_controls(redacted(value, SHOWN_CHARS))


def described(exception: BaseException) -> str:
    """Class and message of an exception, on one line."""
    try:
        message = str(exception)[:EXCEPTION_CHARS]
    except Exception:  # an exception of the application may do anything
        message = shown(exception, EXCEPTION_CHARS)
    text = redacted_text(f"{type(exception).__name__}: {message}")
    return escape_controls(text)[:EXCEPTION_CHARS]
