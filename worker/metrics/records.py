"""Records of single tasks on their way to Redis: bounded, failures first.

A task that was told to be sent, or to run, is told to have ended: else it would be shown as waiting
or running for a week.  Its end is a promise, and has room of its own.
"""

from __future__ import annotations

from collections.abc import Callable

from wire.tasks import FAILURE, RETRY, TaskRecord

#: States worth more than others, which are given up first when there is no room.
_WORTHIER = frozenset({FAILURE, RETRY})
#: Room of promises, as a multiple of the other room.
PROMISES = 10


class Records:
    """At most `room` records between two flushes and `PROMISES` times as many promises.

    Of each task the latest is kept.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        #: Those worth less, and those worth more.
        self._records: tuple[dict[str, TaskRecord], dict[str, TaskRecord]] = ({}, {})
        self._promised: dict[str, TaskRecord] = {}
        self.dropped = 0
        #: Whether one more task may be begun to be told of.
        self.has_room = room > 0

    def __len__(self) -> int:
        return sum(map(len, self._records))

    def offer(self, task_id: str, state: str, make: Callable[[], TaskRecord]) -> None:
        """Keep a record if there is room, or one worth less; only then is it made."""
        if task_id in self._promised:
            self._promised[task_id] = make()
            return
        lesser, worthier = self._records
        lesser.pop(task_id, None)  # what was told of it before
        worthier.pop(task_id, None)
        records = worthier if state in _WORTHIER else lesser
        if len(lesser) + len(worthier) >= self._room:
            self.dropped += 1
            if records is lesser or not lesser:
                return
            del lesser[next(iter(lesser))]
        records[task_id] = make()
        self._look_for_room()

    def promise(self, task_id: str, make: Callable[[], TaskRecord]) -> None:
        """Keep a record of a task that was told of, or will be: in room of its own."""
        for records in self._records:
            records.pop(task_id, None)
        if task_id not in self._promised and len(self._promised) >= self._room * PROMISES:
            self.dropped += 1
        else:
            self._promised[task_id] = make()
        self._look_for_room()

    def tell(
        self, task_id: str, state: str, make: Callable[[], TaskRecord], *, promised: bool
    ) -> None:
        """One of the two."""
        if promised:
            self.promise(task_id, make)
        else:
            self.offer(task_id, state, make)

    def take(self) -> list[TaskRecord]:
        """All of them; the next flush begins anew."""
        taken = [record for records in self._records for record in records.values()]
        taken.extend(self._promised.values())
        self._records, self._promised = ({}, {}), {}
        self._look_for_room()
        return taken

    def _look_for_room(self) -> None:
        self.has_room = len(self) + len(self._promised) < self._room
