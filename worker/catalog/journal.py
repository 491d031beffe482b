"""The journal: batches of files, and who works on each.

1. A message carries a batch id and is only a hint; whether there is work is decided here.
2. A batch is claimed under a lease; every later step is fenced by that claim.
3. Attempts are counted before the dangerous work.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from wire.roots import Root
from wire.states import ScanMode
from worker.catalog.batchrow import (
    Dispatch,
    Stage,
    add_rest,
    buried,
    free_batches,
    send_pending,
    set_batch,
    wait_again,
)
from worker.catalog.clock import moment
from worker.catalog.filelist import decode_files, encode_files, text_to_path
from worker.catalog.owner import Owner
from worker.catalog.scanrow import OPEN_BATCH, finish_if_ready, load_active, touch
from worker.catalog.schema import batches, roots, scans
from worker.catalog.store import Catalog, one
from worker.library.model import FoundFile

__all__ = [
    "Claim", "Dispatch", "Reconciled", "Stage", "advance", "claim", "disown", "held_row",
    "note_current",
    "reconcile", "renew", "send_back", "take_pending",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do one stage of a batch until the lease runs out."""

    batch_id: int
    stage: Stage
    scan_id: str
    root: Root
    mode: ScanMode
    files: tuple[FoundFile, ...]  #: only at the extract stage
    attempt: int  #: how often extracting was begun, this time included
    suspects: Mapping[bytes, int]  #: path -> processes that died while they read it
    fence: int  #: tells this claim from an earlier one of the same batch


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What to send after a look at all scans that are not over."""

    dispatches: tuple[Dispatch, ...]
    discover: tuple[str, ...]  #: scans whose walk nobody does
    finish: tuple[str, ...]  #: scans that wait only for `finish_scan`


def take_pending(
    catalog: Catalog, scan_id: str, epoch: str, in_flight_limit: int
) -> list[Dispatch]:
    """Mark waiting batches as sent, so that at most `in_flight_limit` are sent or running.

    `epoch` names the contents of Redis the messages go to.  Empty when the scan is over; of a
    paused scan only batches that were read already are taken.  Downstream stages come first.
    """
    with catalog.write() as connection:
        scan = load_active(connection, scan_id)
        return send_pending(connection, scan, epoch, in_flight_limit) if scan is not None else []


def claim(
    catalog: Catalog, batch_id: int, stage: Stage, owner: Owner, lease_seconds: float
) -> Claim | None:
    """Begin one stage of a batch; None when it is not to be done (now, or by this message).

    A running batch is taken over when its lease ran out or its owner is dead.
    """
    with catalog.write() as connection:
        row = one(connection, batches, batch_id)
        if row is None or row["stage"] != stage or row["state"] not in OPEN_BATCH:
            return None
        now = moment(connection)
        if row["state"] == "running" and not now.has_expired(row):
            return None
        scan = load_active(connection, row["scan_id"])
        if scan is None or (stage is Stage.EXTRACT and (scan["paused_by"] or scan["stopped_by"])):
            return None
        root = one(connection, roots, scan["root_id"])
        if root is None:  # which the database rules out
            return None
        values = {
            **buried(row),
            "state": "running",
            "attempts": row["attempts"] + (stage is Stage.EXTRACT),
            "fence": row["fence"] + 1,
            **now.lease(owner, lease_seconds),
        }
        set_batch(connection, batch_id, values)
        touch(connection, scan["id"])
        return _claim({**row, **values}, scan, root)


def renew(catalog: Catalog, held: Claim, lease_seconds: float) -> bool:
    """Prolong the lease; False when the claim was lost."""
    with catalog.write() as connection:
        row = held_row(connection, held)
        if row is not None:
            until = moment(connection).seconds + lease_seconds
            set_batch(connection, held.batch_id, {"lease_until": until})
        return row is not None


def note_current(catalog: Catalog, held: Claim, path: bytes | None) -> bool:
    """Write down which file is about to be read (None: none); False when the claim was lost.

    If the process dies now, the next claim counts it in `suspects`.
    """
    with catalog.write() as connection:
        if held_row(connection, held) is None:
            return False
        set_batch(connection, held.batch_id, {"current_path": path})
        return True


def advance(
    catalog: Catalog,
    held: Claim,
    to_stage: Stage,
    epoch: str,
    rest: Sequence[FoundFile] = (),
) -> bool:
    """The stage is done: the batch counts as sent to `to_stage`.  False when the claim was lost.

    `rest` are files that were not read; they become a batch of their own, which waits.  When
    nothing was read the batch itself waits again.
    """
    with catalog.write() as connection:
        row = held_row(connection, held)
        if row is None:
            return False
        if rest and len(rest) >= row["n_files"]:
            wait_again(connection, row)
            return True
        values = {"stage": to_stage, "state": "sent", "sends": 0, "epoch": epoch}
        values |= {"current_path": None, **moment(connection).sent(0)}
        if rest:
            left = {file.path for file in rest}
            read = [file for file in held.files if file.path not in left]
            values |= {"files": encode_files(read), "n_files": len(read)}
            add_rest(connection, row, rest)
        set_batch(connection, held.batch_id, values)
        touch(connection, held.scan_id)
        return True


def send_back(catalog: Catalog, held: Claim) -> bool:
    """The batch record is lost, or nothing was read: extract it again, whenever its turn comes.

    Of a scan that stops, the batch is cancelled.  False when the claim was lost.
    """
    with catalog.write() as connection:
        row = held_row(connection, held)
        if row is not None:
            wait_again(connection, row)
        return row is not None


def disown(catalog: Catalog, batch_id: int, owner: Owner) -> None:
    """Let a batch wait again if `owner` holds it, who does not know whether it does."""
    with catalog.write() as connection:
        row = one(connection, batches, batch_id)
        if row is not None and row["state"] == "running" and row["lease_owner"] == str(owner):
            wait_again(connection, row)


def reconcile(
    catalog: Catalog, epoch: str, in_flight_limit: int, drained: Collection[str] = ()
) -> Reconciled:
    """Put right what died: expired leases, dead owners, messages lost with an earlier Redis.

    At most `in_flight_limit` batches of a scan are then sent or running.  `drained`: the stages,
    and "scan", for which no message waits: what was sent there some seconds ago was lost on its
    way to a process.
    """
    with catalog.read() as connection:
        active = connection.execute(select(scans.c.id).where(scans.c.active)).scalars().all()
    parts = [
        _reconcile_scan(catalog, scan_id, epoch, in_flight_limit, drained) for scan_id in active
    ]
    return Reconciled(
        dispatches=tuple(dispatch for part in parts for dispatch in part.dispatches),
        discover=tuple(scan_id for part in parts for scan_id in part.discover),
        finish=tuple(scan_id for part in parts for scan_id in part.finish),
    )


def _reconcile_scan(
    catalog: Catalog, scan_id: str, epoch: str, limit: int, drained: Collection[str]
) -> Reconciled:
    with catalog.write() as connection:
        now = moment(connection)
        before = load_active(connection, scan_id)
        if before is None:
            return Reconciled((), (), ())
        free_batches(connection, before, epoch, now, drained)
        finish = finish_if_ready(connection, scan_id)
        discover = not before["walk_done"] and not before["paused_by"]
        due = now.has_expired(before) or (finish and before["state"] != "finishing")
        if not due and not before["lease_owner"]:
            due = before["epoch"] != epoch or ("scan" in drained and now.is_lost(before))
        if due and (finish or discover):
            sent = {"sends": before["sends"] + 1, "epoch": epoch, **now.sent(before["sends"])}
            touch(connection, scan_id, **sent)
        return Reconciled(
            tuple(send_pending(connection, before, epoch, limit)),
            discover=(scan_id,) if due and discover else (),
            finish=(scan_id,) if due and finish else (),
        )


def held_row(connection: Connection, held: Claim) -> RowMapping | None:
    """The row of a claimed batch, None when the claim was lost."""
    row = one(connection, batches, held.batch_id)
    if row is None or row["state"] != "running" or row["fence"] != held.fence:
        return None
    return row


def _claim(row: Mapping[str, Any], scan: RowMapping, root: RowMapping) -> Claim:
    stage = Stage(row["stage"])
    return Claim(
        batch_id=row["id"],
        stage=stage,
        scan_id=scan["id"],
        root=Root(root["id"], root["path"], root["display"]),
        mode=ScanMode(scan["mode"]),
        files=decode_files(row["files"]) if stage is Stage.EXTRACT else (),
        attempt=row["attempts"],
        suspects={text_to_path(p): n for p, n in json.loads(row["deaths"] or "{}").items()},
        fence=row["fence"],
    )
