"""Single tasks of any application: what became of one, and taking one back.

1. What a task is comes from its record, from the result it left, and from the beats of workers:
   nothing here asks a worker, for that would take a second and may stay unanswered.
2. A revoke is a broadcast nobody answers.  It is refused where it is known to do nothing.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from web import activity
from web.dispatch import Dispatcher, DispatchError
from web.hub import Hub
from web.refusal import RefusedError
from web.state import State
from wire.keys import Keys
from wire.tasks import FAILURE, FINAL, STARTED, SUCCESS, TaskRecord, read_record

#: Results of more bytes than this are not read.
RESULT_BYTES_MAX = 64 * 1024
TASK_ID_CHARS = 200
#: Pools that can end a task that runs.
_TERMINATING = frozenset({"prefork"})


@dataclass(frozen=True, slots=True)
class FoundTask:
    """A task, with its result as its application wrote it."""

    record: TaskRecord
    result: Any = None

    @property
    def ready(self) -> bool:
        """Whether it has ended."""
        return self.record.is_final


@dataclass(frozen=True, slots=True)
class Revoked:
    """What was asked for, and what will come of it."""

    record: TaskRecord
    message: str


class CeleryTasks:
    """The tasks of one Redis."""

    def __init__(self, client: Redis, keys: Keys, hub: Hub, dispatcher: Dispatcher) -> None:
        self._client, self._keys, self._hub, self._dispatcher = client, keys, hub, dispatcher

    async def find(self, task_id: str) -> FoundTask:
        """A task.  Raises RefusedError 404, or what redis-py raises."""
        if not 0 < len(task_id) <= TASK_ID_CHARS:
            raise _unknown()
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.hget(self._keys.recent_tasks, task_id)
            # As Celery's result backend calls it; one byte more than is read tells of more.
            pipe.getrange(f"celery-task-meta-{task_id}", 0, RESULT_BYTES_MAX)
            raw, meta = await pipe.execute(raise_on_error=False)
        record = read_record(raw) if isinstance(raw, bytes) else None
        left = _left(meta) if isinstance(meta, bytes) else None
        running = _running(self._hub.state(), task_id)
        if running is not None and (record is None or not record.is_final):
            return FoundTask(dataclasses.replace(running, **_known(record)))
        if left is not None:
            return _with_result(task_id, record, left)
        if record is None:
            raise _unknown()
        return FoundTask(record, record.result or None)

    async def revoke(self, task_id: str, *, terminate: bool, actor: str) -> Revoked:
        """Take a task back; `terminate` ends it even while it runs.

        Raises:
            RefusedError: 404 unknown, 409 it has ended or nobody would hear of it, 503.
        """
        found = await self.find(task_id)
        record = found.record
        if found.ready:
            raise RefusedError(409, "task_ended", f"The task has ended: {record.state}.")
        state = await self._hub.fresh_state()
        message = _what_comes_of_it(state, record, terminate=terminate)
        try:
            await self._dispatcher.revoke(task_id, terminate=terminate)
        except DispatchError as error:
            raise RefusedError(503, "redis_unavailable", str(error)) from error
        await self._tell("task.terminated" if terminate else "task.revoked", actor, record)
        return Revoked(record, message)

    async def _tell(self, action: str, actor: str, record: TaskRecord) -> None:
        await activity.add(
            self._client, self._keys, action, actor=actor, target=record.name, detail=record.id
        )


def _what_comes_of_it(state: State, record: TaskRecord, *, terminate: bool) -> str:
    """What a revoke will do.  Raises RefusedError 409 when that is nothing."""
    beats = {worker.beat.worker: worker.beat for worker in state.workers if not worker.silent}
    if not beats:
        raise RefusedError(
            409, "no_worker", "No worker is running, and none would remember the revoke."
        )
    if record.state != STARTED:
        return "No worker will start it."
    if not terminate:
        raise RefusedError(
            409, "task_running", "The task runs already: only terminate=true would end it."
        )
    pool = beats[record.worker].pool if record.worker in beats else ""
    if pool and pool not in _TERMINATING:
        raise RefusedError(
            409, "cannot_terminate", f"A task in a pool of kind {pool} cannot be ended."
        )
    return "Its process is told to end."


def _running(state: State, task_id: str) -> TaskRecord | None:
    """The task, if a worker says that it runs."""
    for worker in state.workers:
        for task in worker.beat.running:
            if task.task_id == task_id and not worker.silent:
                return TaskRecord(
                    id=task_id,
                    name=task.name,
                    state=STARTED,
                    worker=worker.beat.worker,
                    started_at=task.since,
                )
    return None


def _known(record: TaskRecord | None) -> dict[str, Any]:
    """What a record says that a beat does not."""
    if record is None:
        return {}
    return {
        name: getattr(record, name)
        for name in ("queue", "sent_at", "retries", "args", "kwargs", "root_id", "parent_id")
    }


def _left(meta: bytes) -> dict[str, Any] | None:
    """What the result backend holds of a task, if it can be read."""
    if not meta or len(meta) > RESULT_BYTES_MAX:
        return None
    try:
        left = json.loads(meta)
    except (ValueError, RecursionError):  # compressed, or of another serialiser
        return None
    is_ours = isinstance(left, dict) and isinstance(left.get("status"), str)
    return left if is_ours and len(left["status"]) < 40 else None


def _with_result(task_id: str, record: TaskRecord | None, left: dict[str, Any]) -> FoundTask:
    known = record or TaskRecord(id=task_id, name=str(left.get("name") or "")[:200], state="")
    state = left["status"]
    if state not in FINAL and known.is_final:
        return FoundTask(known, known.result or None)
    exception = known.exception
    if state == FAILURE and not exception:
        exception = _exception(left.get("result"))
    record = dataclasses.replace(known, state=state, exception=exception)
    return FoundTask(record, left.get("result") if state == SUCCESS else None)


def _exception(result: object) -> str:
    """Class and message, as Celery writes them into a result."""
    if not isinstance(result, dict):
        return ""
    message = result.get("exc_message")
    text = ", ".join(map(str, message)) if isinstance(message, list) else str(message or "")
    return f"{result.get('exc_type', '')}: {text}"[:300]


def _unknown() -> RefusedError:
    return RefusedError(404, "unknown_task", "No task with this id is known.")
