"""The tasks that run in this process now, and what will be told of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from wire.redaction import redacted, redacted_text
from wire.tasks import STARTED, TaskRecord
from wire.text import escape_controls
from worker.metrics.measure import Size, shown

#: Characters of arguments, results and exceptions in a record.
SHOWN_CHARS, EXCEPTION_CHARS = 200, 300
#: A task is told as started when it runs for so long.
TOLD_AFTER_SECONDS = 1.0


@dataclass(slots=True)
class Running:
    """One task between its start and its end."""

    task_id: str
    task: str  #: the label it is counted under
    queue: str
    worker: str
    retries: int
    sent_at: float | None
    eta: str | None
    args: Any
    kwargs: Any
    args_size: Size
    kwargs_size: Size
    args_items: int  #: of a batch that had better be smaller, 0 for others
    kwargs_items: int
    root_id: str
    parent_id: str
    started_at: float
    began: float  #: `time.perf_counter()`
    promised: bool  #: somebody was told of it, and must hear how it ends
    told: bool = False  #: that it runs
    cut: tuple[str, ...] = ()  #: which reprs in its message were cut by size: `args`, `kwargs`

    def record(
        self,
        state: str = STARTED,
        *,
        seconds: float | None = None,
        exception: BaseException | None = None,
        result: Any = None,
    ) -> TaskRecord:
        """What is told of it: arguments cut and without secrets."""
        text = "" if result is None else told(result)
        return TaskRecord(
            id=self.task_id,
            name=self.task,
            state=state,
            worker=self.worker,
            queue=self.queue,
            sent_at=self.sent_at,
            started_at=round(self.started_at, 3),
            finished_at=None if seconds is None else round(time.time(), 3),
            runtime_seconds=None if seconds is None else round(seconds, 6),
            retries=self.retries,
            exception="" if exception is None else described(exception),
            args=told(self.args),
            kwargs=told(self.kwargs),
            args_chars=self.args_size.chars,
            kwargs_chars=self.kwargs_size.chars,
            result=text,
            result_cut=text.endswith("…"),
            root_id=self.root_id,
            parent_id=self.parent_id,
        )


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
