"""Recent tasks, newest first: what the page and the API list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from web.connection import read_members
from wire.keys import Keys
from wire.tasks import FAILURE, REJECTED, RETRY, REVOKED, STARTED, SUCCESS, TaskRecord, read_records

#: The newest that are looked through; Redis keeps some more, for who asks by id.
LOOKED_AT = 1_000
#: What can be filtered by; the others are passing.
STATES = (FAILURE, RETRY, SUCCESS, STARTED, REVOKED, REJECTED)
NAME_CHARS = 100


@dataclass(frozen=True, slots=True)
class TaskPage:
    """Some of the tasks that a filter found."""

    total: int
    rows: tuple[TaskRecord, ...]


class RecentTasks:
    """The recent tasks of one Redis."""

    def __init__(self, client: Redis, keys: Keys) -> None:
        self._client, self._keys = client, keys

    async def page(self, *, state: str = "", name: str = "", offset: int, limit: int) -> TaskPage:
        """Those in `state` whose name, id or exception holds `name`, newest first.

        Raises what redis-py raises.
        """
        ids = await read_members(self._client, self._keys.recent, -LOOKED_AT, -1)
        if not ids:
            return TaskPage(0, ())
        newest_first = [task_id.decode("utf-8", "replace") for task_id in reversed(ids)]
        raw: Any = await self._client.hmget(self._keys.recent_tasks, newest_first)
        wanted = name[:NAME_CHARS].casefold()
        found = [
            record
            for record in read_records(raw)
            if state in ("", record.state) and (not wanted or wanted in _text(record))
        ]
        return TaskPage(len(found), tuple(found[offset : offset + limit]))


def _text(record: TaskRecord) -> str:
    return f"{record.name}\n{record.id}\n{record.exception}".casefold()
