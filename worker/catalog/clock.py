"""The clock of leases, which no step of the wall clock touches.

On SQLite, which one machine uses, it is the monotonic clock together with the boot it belongs
to; on PostgreSQL it is the database's clock, the same for every machine.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping

from worker.catalog.owner import Owner, boot_id, owner_is_dead

#: Seconds that a message may be under way before it is sent again; doubles with each sending.
SENT_SECONDS = 30
SENT_SECONDS_MAX = 3600
#: The same, once its queue is known to be empty: somebody took it, and should have begun by then.
TAKEN_SECONDS = 4


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time: seconds that mean something only within `boot`."""

    boot: str
    seconds: float

    def lease(self, owner: Owner | None, seconds: float) -> dict[str, Any]:
        """The lease columns of a row: held by `owner` for so long from now (None: nobody's)."""
        return {
            "lease_owner": str(owner) if owner else "",
            "lease_boot": self.boot,
            "lease_until": self.seconds + seconds,
        }

    def sent(self, sends: int) -> dict[str, Any]:
        """The lease columns of a row whose message was sent, `sends` times before."""
        return self.lease(None, _sent_seconds(sends))

    def is_lost(self, row: RowMapping) -> bool:
        """Whether the message of `row`, whose queue is empty, was taken and nothing came of it."""
        sent_seconds = _sent_seconds(max(0, row["sends"] - 1))
        return bool(self.seconds > row["lease_until"] - sent_seconds + TAKEN_SECONDS)

    def has_expired(self, row: RowMapping) -> bool:
        """Whether the lease of `row` ran out, or its owner is known to be dead."""
        if row["lease_until"] is None or row["lease_boot"] != self.boot:
            return True
        return bool(row["lease_until"] < self.seconds) or owner_is_dead(row["lease_owner"])


def _sent_seconds(sends: int) -> int:
    return int(min(SENT_SECONDS * 2 ** min(sends, 10), SENT_SECONDS_MAX))


#: The lease columns of a row that nobody works on.
FREE: dict[str, Any] = {"lease_owner": "", "lease_boot": "", "lease_until": None}


def moment(connection: Connection) -> Moment:
    """Now, on the clock of this catalog's leases."""
    if connection.dialect.name == "sqlite":
        return Moment(boot_id(), time.monotonic())
    seconds = connection.exec_driver_sql("select extract(epoch from clock_timestamp())").scalar()
    return Moment("", float(seconds or 0))
