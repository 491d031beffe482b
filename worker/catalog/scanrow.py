"""The row of a scan, as the functions that change it see it: always inside their transaction."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, select, update

from wire.states import ScanState
from worker.catalog.clock import moment
from worker.catalog.schema import batches, scans
from worker.catalog.store import one

#: The states of a batch that is still to be done.
OPEN_BATCH = ("pending", "sent", "running")

_TOUCH = (
    update(scans)
    .where(scans.c.id == bindparam("scan_id"))
    .values(revision=scans.c.revision + 1, updated_at=bindparam("now"))
)
_OPEN_BATCH = (
    select(batches.c.id)
    .where(batches.c.scan_id == bindparam("scan_id"), batches.c.state.in_(OPEN_BATCH))
    .limit(1)
)


def load(connection: Connection, scan_id: str) -> RowMapping | None:
    """The scan's row, None when it is not known."""
    return one(connection, scans, scan_id)


def load_active(connection: Connection, scan_id: str) -> RowMapping | None:
    """The scan's row, None when it is not known or over."""
    row = load(connection, scan_id)
    return row if row is not None and row["active"] else None


def touch(connection: Connection, scan_id: str, **values: Any) -> None:
    """Set columns of a scan; its revision grows, so that readers notice."""
    statement = _TOUCH.values(values) if values else _TOUCH
    connection.execute(statement, {"scan_id": scan_id, "now": time.time()})


def has_open_batches(connection: Connection, scan_id: str) -> bool:
    """Whether something is still to be read or stored."""
    return connection.execute(_OPEN_BATCH, {"scan_id": scan_id}).first() is not None


def finish_if_ready(connection: Connection, scan_id: str) -> bool:
    """Let a scan begin finishing when nothing else is left to do; whether that is so."""
    row = load_active(connection, scan_id)
    if row is None or not row["walk_done"] or row["paused_by"]:
        return False
    if has_open_batches(connection, scan_id):
        return False
    if row["state"] != ScanState.FINISHING:
        lease = moment(connection).sent(0)  # whoever brought it here sends the message
        touch(connection, scan_id, state=ScanState.FINISHING, **lease)
    return True
