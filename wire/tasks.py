"""What became of single tasks: the newest few thousand, so that one can be asked for by its id."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from wire.events import EventError, load

#: Celery's names of the states, in the order a task goes through them.
PENDING, RECEIVED, STARTED = "PENDING", "RECEIVED", "STARTED"
RETRY, SUCCESS, FAILURE = "RETRY", "SUCCESS", "FAILURE"
REVOKED, REJECTED, IGNORED = "REVOKED", "REJECTED", "IGNORED"
_RANKS = {PENDING: 0, RECEIVED: 1, STARTED: 2}
FINAL = frozenset({SUCCESS, FAILURE, REVOKED, REJECTED, IGNORED})


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """One task.  Times are epoch seconds of the process that took them, None: not yet, unknown."""

    id: str
    name: str
    state: str
    worker: str = ""  #: `name@host`; "" while nobody has it
    queue: str = ""
    sent_at: float | None = None
    started_at: float | None = None
    finished_at: float | None = None
    runtime_seconds: float | None = None
    retries: int = 0
    exception: str = ""  #: class and message, one line, cut
    args: str = ""  #: for display: cut, secrets hidden
    kwargs: str = ""
    args_chars: int | None = None  #: of the payload as JSON
    kwargs_chars: int | None = None
    result: str = ""  #: JSON or repr, cut, secrets hidden; "" for None
    result_cut: bool = False  #: `result` is not the whole result
    root_id: str = ""
    parent_id: str = ""

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in FINAL

    @property
    def order(self) -> int:
        """Of two records of one task the one with the larger order is right."""
        return 4 * self.retries + _RANKS.get(self.state, 3)


def read_record(value: bytes | None) -> TaskRecord | None:
    """A value of the hash `Keys.recent_tasks`; None when there is none, or it is damaged."""
    if value is None:
        return None
    try:
        return load(TaskRecord, value.partition(b" ")[2])
    except EventError:
        return None


def read_records(values: Iterable[bytes | None]) -> tuple[TaskRecord, ...]:
    """Those of `values` that are records (`HMGET` of `Keys.recent_tasks`)."""
    return tuple(record for value in values if (record := read_record(value)))
