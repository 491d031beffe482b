"""The rows of batches, as the journal's functions change them: always inside their transaction."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, func, insert, select, update

from worker.catalog.clock import FREE, Moment, moment
from worker.catalog.filelist import encode_files, path_to_text
from worker.catalog.scanrow import load_active, touch
from worker.catalog.schema import batches
from worker.catalog.store import reserve_ids
from worker.library.model import FoundFile


class Stage(StrEnum):
    """What is to be done next with a batch: the keys of `wire.names.STAGES` after the first."""

    EXTRACT = "extract"
    BATCH = "batch"
    INSERT = "insert"


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A message to send."""

    scan_id: str
    batch_id: int
    stage: Stage


# Putting a statement together takes SQLAlchemy longer than running it: these are made once.
_SET = update(batches).where(batches.c.id == bindparam("of_batch"))
_OF_SCAN = batches.c.scan_id == bindparam("scan_id")
_IN_FLIGHT = select(func.count()).where(_OF_SCAN, batches.c.state.in_(("sent", "running")))
_WAITING = (
    select(batches.c.id, batches.c.stage, batches.c.sends)
    .where(_OF_SCAN, batches.c.state == "pending")
    .order_by(batches.c.stage == Stage.EXTRACT, batches.c.id)
    .limit(bindparam("room"))
)
_WAITING_READ = _WAITING.where(batches.c.stage != Stage.EXTRACT)


def set_batch(connection: Connection, batch_id: int, values: Mapping[str, Any]) -> None:
    """Set columns of a batch."""
    connection.execute(_SET, {"of_batch": batch_id, **values})


def add_batches(
    connection: Connection, scan_id: str, lists: Sequence[Sequence[FoundFile]], **columns: Any
) -> None:
    """Write down files to be read, in batches that wait; `columns` of each are set."""
    new_ids = reserve_ids(connection, batches, len(lists))
    rows = [
        {
            "id": batch_id,
            "scan_id": scan_id,
            "stage": Stage.EXTRACT,
            "state": "pending",
            "n_files": len(files),
            "files": encode_files(files),
            **columns,
        }
        for batch_id, files in zip(new_ids, lists, strict=True)
    ]
    if rows:
        connection.execute(insert(batches), rows)


def send_pending(
    connection: Connection, scan: RowMapping, epoch: str, in_flight_limit: int
) -> list[Dispatch]:
    """`take_pending` inside a writing transaction, for a scan that is not over."""
    busy = connection.execute(_IN_FLIGHT, {"scan_id": scan["id"]}).scalar_one()
    query = _WAITING_READ if scan["paused_by"] or scan["stopped_by"] else _WAITING
    room = max(0, in_flight_limit - busy)
    now = moment(connection)
    rows = connection.execute(query, {"scan_id": scan["id"], "room": room}).all()
    for row in rows:
        sent = {"state": "sent", "sends": row.sends + 1, "epoch": epoch, **now.sent(row.sends)}
        set_batch(connection, row.id, sent)
    if rows:
        touch(connection, scan["id"])
    return [Dispatch(scan["id"], row.id, Stage(row.stage)) for row in rows]


def buried(row: RowMapping) -> dict[str, Any]:
    """The columns of a batch after its process died: the file it was at is a suspect."""
    if row["current_path"] is None:
        return {"deaths": row["deaths"]}
    deaths = json.loads(row["deaths"] or "{}")
    path = path_to_text(row["current_path"])
    deaths[path] = deaths.get(path, 0) + 1
    return {"deaths": json.dumps(deaths), "current_path": None}


def wait_again(connection: Connection, row: RowMapping) -> None:
    """Put a batch back to where nothing of it was read."""
    values = {"stage": Stage.EXTRACT, "state": "pending", "sends": 0, "current_path": None}
    scan = load_active(connection, row["scan_id"])
    if scan is None or scan["stopped_by"]:
        values |= {"state": "cancelled", "files": None}
    set_batch(connection, row["id"], {**values, **FREE})
    touch(connection, row["scan_id"])


def add_rest(connection: Connection, row: RowMapping, rest: Sequence[FoundFile]) -> None:
    """Make a batch of the files that were not read, unless the scan stops."""
    scan = load_active(connection, row["scan_id"])
    if scan is not None and not scan["stopped_by"]:
        # The same attempt goes on, as careful as before.
        attempts = max(0, row["attempts"] - 1)
        add_batches(connection, row["scan_id"], [rest], attempts=attempts, deaths=row["deaths"])


def free_batches(
    connection: Connection, scan: RowMapping, epoch: str, now: Moment, drained: Collection[str]
) -> None:
    """Let batches wait again whose process or message is gone."""
    under_way = (batches.c.scan_id == scan["id"]) & batches.c.state.in_(("sent", "running"))
    for row in connection.execute(select(batches).where(under_way)).mappings().all():
        other_epoch = row["epoch"] != epoch
        lost = other_epoch or (row["stage"] in drained and now.is_lost(row))
        if not now.has_expired(row) and not (row["state"] == "sent" and lost):
            continue
        # What was read lies in Redis, and is lost with it.
        stage = Stage.EXTRACT if other_epoch else row["stage"]
        values = {**buried(row), **FREE, "state": "pending", "stage": stage}
        if other_epoch:
            values["sends"] = 0
        if scan["stopped_by"] and stage == Stage.EXTRACT:
            values |= {"state": "cancelled", "files": None}
        set_batch(connection, row["id"], values)
        touch(connection, scan["id"])
