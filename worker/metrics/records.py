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
        self._records: dict[str, TaskRecord] = {}
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._records)

    def offer(self, task_id: str, state: str, make: Callable[[], TaskRecord]) -> None:
        """Keep a record if there is room, or one worth less; only then is it made."""
        if task_id not in self._records and len(self._records) >= self._room:
            self.dropped += 1
            lesser = next(
                (k for k, r in self._records.items() if worth(r.state) < worth(state)), ""
            )
            if not lesser:
                return
            del self._records[lesser]
        self._records[task_id] = make()

    def take(self) -> list[TaskRecord]:
        """All of them; the next flush begins anew."""
        taken, self._records = list(self._records.values()), {}
        return taken
