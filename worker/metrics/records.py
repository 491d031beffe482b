"""Records of single tasks on their way to Redis: bounded, failures first."""

from __future__ import annotations

from collections.abc import Callable

from wire.tasks import FAILURE, PENDING, RETRY, TaskRecord

#: What is given up first when there is no room: 0.
_WORTH = {PENDING: 0, FAILURE: 2, RETRY: 2}


def worth(state: str) -> int:
    """How much a record in that state is worth keeping."""
    return _WORTH.get(state, 1)


class Records:
    """At most `room` records between two flushes, the latest of each task."""

    def __init__(self, room: int) -> None:
        self._room = room
        #: One dict a worth, the least first.
        self._records: tuple[dict[str, TaskRecord], ...] = ({}, {}, {})
        self.dropped = 0

    def __len__(self) -> int:
        return sum(map(len, self._records))

    def offer(self, task_id: str, state: str, make: Callable[[], TaskRecord]) -> None:
        """Keep a record if there is room, or one worth less; only then is it made."""
        value = worth(state)
        for records in self._records:
            records.pop(task_id, None)  # what was told of it before
        if len(self) >= self._room:
            self.dropped += 1
            lesser = next((records for records in self._records[:value] if records), None)
            if lesser is None:
                return
            del lesser[next(iter(lesser))]
        self._records[value][task_id] = make()

    def take(self) -> list[TaskRecord]:
        """All of them; the next flush begins anew."""
        taken = [record for records in self._records for record in records.values()]
        self._records = ({}, {}, {})
        return taken
