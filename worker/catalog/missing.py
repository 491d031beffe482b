"""Files that are no longer there: found out, doubted, and only then marked.

Missing is never deleted.  When suspiciously much is gone, a disk that is not mounted is likelier
than a library that was thrown away: the scan then marks nothing and says so.  Likewise when a
folder could not be listed because its disk failed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, delete, exists, func, literal, select, update

from wire.outcomes import Outcome
from worker.catalog.filelist import text_to_path
from worker.catalog.finishing import Finishing
from worker.catalog.folders import CHUNK, chunks, is_inside
from worker.catalog.moves import match_all
from worker.catalog.scanrow import touch
from worker.catalog.schema import files, folders, outcomes, scan_folders, scan_missing, tallies
from worker.catalog.store import insert_for, insert_many, reserve_ids
from worker.catalog.tally import add_tallies

#: More than this share of the known files, and at least this many, is suspicious.
SUSPICIOUS_SHARE = 0.3
SUSPICIOUS_FILES = 50

_COLUMNS = ("id", "scan_id", "file_id", "path", "outcome", "size_bytes", "at", "problem")


def collect(finishing: Finishing) -> None:
    """Add the files of folders that were not found, and match moved files; once a scan."""
    with finishing.step() as (connection, scan):
        if scan["missing_collected"]:
            return
        gone = _folders_not_found(connection, scan)
    for part in chunks(gone):
        with finishing.step() as (connection, _):
            in_part = files.c.folder_id.in_(part) & files.c.missing_since.is_(None)
            query = select(literal(finishing.scan_id), files.c.id).where(in_part)
            statement = insert_for(connection.dialect.name, scan_missing).from_select(
                ["scan_id", "file_id"], query
            )
            connection.execute(statement.on_conflict_do_nothing())
            # When it is back, even untouched, its files must be looked at one by one.
            lost = update(folders).where(folders.c.id.in_(part), folders.c.digest.is_not(None))
            connection.execute(lost.values(digest=None))
    with finishing.step() as (connection, scan):
        match_all(connection, scan)
        touch(connection, finishing.scan_id, missing_collected=True)


def refusal(finishing: Finishing) -> str:
    """Why the files that are gone must not be marked missing, "" when they may be."""
    with finishing.step() as (connection, scan):
        if scan["mark_anyway"]:
            return ""
        of_scan = scan_missing.c.scan_id == scan["id"]
        gone = connection.execute(select(func.count()).where(of_scan)).scalar_one()
        reason = _doubt(connection, scan, gone)
        touch(connection, scan["id"], would_mark=gone if reason else 0)
        return reason


def _doubt(connection: Connection, scan: RowMapping, gone: int) -> str:
    """Why `gone` files are likelier out of reach than deleted, "" when they are not."""
    if scan["walk_broken"]:
        return "Some folders could not be read, so no file was marked missing."
    if gone and not scan["files_found"]:
        return (
            f"The folder holds no music any more, but {gone} of its files are known: "
            "nothing was marked missing."
        )
    if gone < SUSPICIOUS_FILES:
        return ""
    known = _known_before(connection, scan)
    if gone <= SUSPICIOUS_SHARE * known:
        return ""
    return (
        f"{gone} of {known} known files are gone, as if a disk were not mounted: "
        "nothing was marked missing."
    )


def mark(finishing: Finishing, now: float) -> None:
    """Mark what is gone as missing since `now`, with an outcome for each file."""
    columns = files.c
    query = (
        select(columns.id, columns.size, columns.name, folders.c.path)
        .join(scan_missing, scan_missing.c.file_id == columns.id)
        .join(folders, folders.c.id == columns.folder_id)
        .where(scan_missing.c.scan_id == finishing.scan_id)
        .order_by(columns.id)
        .limit(CHUNK)
    )
    while True:
        with finishing.step() as (connection, _):
            rows = connection.execute(query).mappings().all()
            if not rows:
                return
            _mark(connection, finishing.scan_id, rows, now)


def _mark(connection: Connection, scan_id: str, rows: Sequence[RowMapping], now: float) -> None:
    file_ids = [row["id"] for row in rows]
    marked = update(files).where(files.c.id.in_(file_ids)).values(missing_since=now)
    connection.execute(marked)
    new_ids = reserve_ids(connection, outcomes, len(rows))
    values = []
    for row_id, row in zip(new_ids, rows, strict=True):
        path = row["path"] + b"/" + row["name"] if row["path"] else row["name"]
        outcome = Outcome.MISSING.value
        values.append((row_id, scan_id, row["id"], path, outcome, row["size"], now, False))
    insert_many(connection, outcomes, _COLUMNS, values)
    add_tallies(connection, scan_id, {("outcome", Outcome.MISSING.value): len(rows)})
    done = (scan_missing.c.scan_id == scan_id) & scan_missing.c.file_id.in_(file_ids)
    connection.execute(delete(scan_missing).where(done))
    touch(connection, scan_id)


def _folders_not_found(connection: Connection, scan: RowMapping) -> list[int]:
    """The known folders of the scanned part that the walk did not meet, but could have."""
    unlisted = [text_to_path(text) for text in json.loads(scan["unlisted"] or "[]")]
    met = exists().where(
        scan_folders.c.scan_id == scan["id"], scan_folders.c.folder_id == folders.c.id
    )
    query = select(folders.c.id, folders.c.path).where(folders.c.root_id == scan["root_id"], ~met)
    return [
        folder_id
        for folder_id, path in connection.execute(query)
        if is_inside(path, scan["folder"]) and not any(is_inside(path, u) for u in unlisted)
    ]


def _known_before(connection: Connection, scan: RowMapping) -> int:
    """Files of the scanned part that were known, and not missing, before the scan."""
    query = select(folders.c.path, func.count(files.c.id)).join(files)
    query = query.where(folders.c.root_id == scan["root_id"], files.c.missing_since.is_(None))
    rows = connection.execute(query.group_by(folders.c.id, folders.c.path))
    known = sum(count for path, count in rows if is_inside(path, scan["folder"]))
    tally = tallies.c
    is_new = (tally.scan_id == scan["id"]) & (tally.kind == "outcome")
    is_new &= tally.name == Outcome.NEW
    new = connection.execute(select(tally.files).where(is_new)).scalar() or 0
    return int(known - new)
