"""A scan as a whole: asked for, paused, stopped, given up."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Update, delete, insert, select, update

from wire.roots import Root
from wire.states import ScanMode, ScanState
from worker.catalog import clock
from worker.catalog.scanrow import OPEN_BATCH, finish_if_ready, load, load_active, touch
from worker.catalog.schema import batches, roots, scan_folders, scan_missing, scans
from worker.catalog.store import Catalog, insert_for

#: Seconds in which a process that reads must have heard of a stop: more than a file may take.
STOP_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """What somebody asked for."""

    scan_id: str
    root: Root
    mode: ScanMode
    requested_at: float
    requested_by: str = ""
    folder: bytes = b""  #: the part of the root to scan, relative; b"" = all of it
    mark_anyway: bool = False  #: mark missing files even when suspiciously many are gone


class Begin(StrEnum):
    """What became of a request."""

    STARTED = "started"
    RESUMED = "resumed"  #: this scan is known and not over: go on with it
    BUSY = "busy"  #: another scan has the root
    ENDED = "ended"  #: this scan is over


@dataclass(frozen=True, slots=True)
class BeginResult:
    """`scan_id` is the scan that has the root: another one than was asked for when BUSY."""

    status: Begin
    scan_id: str


@dataclass(frozen=True, slots=True)
class Change:
    """`changed`: the request had an effect; `finish`: the scan waits only for `finish_scan`."""

    changed: bool
    finish: bool = False


def begin_scan(catalog: Catalog, request: ScanRequest) -> BeginResult:
    """Write down a scan, unless its root has one that is not over.  Asking twice is harmless."""
    root = request.root
    with catalog.write() as connection:
        known = load(connection, request.scan_id)
        if known is not None:
            status = Begin.RESUMED if known["active"] else Begin.ENDED
            return BeginResult(status, request.scan_id)
        has_root = (scans.c.root_id == root.id) & scans.c.active
        other = connection.execute(select(scans.c.id).where(has_root)).scalar()
        if other is not None:
            return BeginResult(Begin.BUSY, other)
        row = {"id": root.id, "path": root.path, "display": root.display}
        known_root = insert_for(connection.dialect.name, roots).on_conflict_do_nothing()
        connection.execute(known_root, row)
        connection.execute(
            insert(scans).values(
                id=request.scan_id,
                root_id=root.id,
                folder=request.folder,
                mode=request.mode,
                requested_by=request.requested_by,
                requested_at=request.requested_at,
                mark_anyway=request.mark_anyway,
                state=ScanState.QUEUED,
                active=True,
                revision=1,
                updated_at=time.time(),
            )
        )
    return BeginResult(Begin.STARTED, request.scan_id)


def request_stop(catalog: Catalog, scan_id: str, actor: str) -> Change:
    """Stop a scan: what was not begun is cancelled, what was read is still stored.

    Discovery ends at once (its next `add_found` is refused).  Without effect once the scan is
    finishing.
    """
    with catalog.write() as connection:
        if not _may_change(connection, scan_id):
            return Change(changed=False)
        touch(
            connection, scan_id, stopped_by=actor or "?", paused_by="", walk_done=True, **clock.FREE
        )
        waiting = _not_begun(scan_id, "pending", "sent")
        connection.execute(waiting.values(state="cancelled", files=None))
        _shorten_leases(connection, scan_id)
        return Change(changed=True, finish=finish_if_ready(connection, scan_id))


def request_pause(catalog: Catalog, scan_id: str, actor: str) -> Change:
    """Pause a scan: nothing more is handed out for it; what was read is still stored."""
    with catalog.write() as connection:
        if not _may_change(connection, scan_id, paused=False):
            return Change(changed=False)
        touch(connection, scan_id, paused_by=actor or "?", **clock.FREE)
        connection.execute(_not_begun(scan_id, "sent").values(state="pending", sends=0))
        return Change(changed=True)


def request_resume(catalog: Catalog, scan_id: str) -> Change:
    """End a pause; the next `reconcile` hands out work again."""
    with catalog.write() as connection:
        if not _may_change(connection, scan_id, paused=True):
            return Change(changed=False)
        touch(connection, scan_id, paused_by="")
        return Change(changed=True, finish=finish_if_ready(connection, scan_id))


def fail_scan(
    catalog: Catalog, scan_id: str, state: ScanState, reason: str, *, would_mark: int = 0
) -> bool:
    """End a scan as FAILED, SKIPPED or CANCELLED with a sentence saying why; cancels its batches.

    What is stored stays; nothing is marked missing, though `would_mark` files would have been.
    False when it was over already.
    """
    with catalog.write() as connection:
        if load_active(connection, scan_id) is None:
            return False
        touch(connection, scan_id, would_mark=would_mark)
        end_scan(connection, scan_id, state, reason, time.time())
        return True


def end_scan(
    connection: Connection, scan_id: str, state: ScanState, reason: str, now: float
) -> None:
    """Give a scan its final state and drop what only a running scan needs."""
    is_open = (batches.c.scan_id == scan_id) & batches.c.state.in_(OPEN_BATCH)
    connection.execute(update(batches).where(is_open).values(state="cancelled", files=None))
    for table in (scan_folders, scan_missing):
        connection.execute(delete(table).where(table.c.scan_id == scan_id))
    final = {"state": state, "active": False, "reason": reason, "finished_at": now}
    touch(connection, scan_id, **final, **clock.FREE)


def _may_change(connection: Connection, scan_id: str, *, paused: bool | None = None) -> bool:
    row = load_active(connection, scan_id)
    if row is None or row["state"] == ScanState.FINISHING or row["stopped_by"]:
        return False
    return paused is None or bool(row["paused_by"]) == paused


def _shorten_leases(connection: Connection, scan_id: str) -> None:
    """Give up soon what is being read by processes that do not hear: their disk may hang."""
    until = clock.moment(connection).seconds + STOP_SECONDS
    is_read = (batches.c.scan_id == scan_id) & (batches.c.state == "running")
    is_read &= (batches.c.stage == "extract") & (batches.c.lease_until > until)
    connection.execute(update(batches).where(is_read).values(lease_until=until))


def _not_begun(scan_id: str, *states: str) -> Update:
    """The batches of which no file was read."""
    columns = batches.c
    is_waiting = columns.state.in_(states) & (columns.stage == "extract")
    return update(batches).where((columns.scan_id == scan_id) & is_waiting)
