"""Letting the next quick scan skip the folders of which every file is settled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, case, func, or_, select, update

from wire.outcomes import PROBLEMS
from worker.catalog.finishing import Finishing
from worker.catalog.folders import CHUNK
from worker.catalog.schema import files, folders, scan_folders, scan_missing

_NO_FILES = (0, 0, 0, 0, 0)


def store(finishing: Finishing) -> None:
    """Keep the digests of a scan's changed folders, and how many files each holds.

    A folder with files to be read again, or not yet marked missing, gets none.
    """
    after = 0
    while True:
        with finishing.step() as (connection, _):
            changed = _changed(connection, finishing.scan_id, after)
            if not changed:
                return
            _store(connection, finishing.scan_id, changed)
            after = changed[-1]["folder_id"]


def _changed(connection: Connection, scan_id: str, after: int) -> Sequence[RowMapping]:
    seen = scan_folders.c
    differs = or_(folders.c.digest.is_(None), folders.c.digest != seen.digest)
    query = select(seen.folder_id, seen.digest, seen.files).join(folders)
    query = query.where(seen.scan_id == scan_id, seen.folder_id > after, differs)
    return connection.execute(query.order_by(seen.folder_id).limit(CHUNK)).mappings().all()


def _store(connection: Connection, scan_id: str, changed: Sequence[RowMapping]) -> None:
    columns = files.c
    is_problem = case((columns.outcome.in_(PROBLEMS), 1), else_=0)
    is_retried = case((columns.retry, 1), else_=0)
    span = func.min(columns.id), func.max(columns.id), func.count()
    query = select(columns.folder_id, func.sum(is_problem), func.sum(is_retried), *span)
    in_folders = columns.folder_id.in_([row["folder_id"] for row in changed])
    query = query.where(in_folders, columns.missing_since.is_(None)).group_by(columns.folder_id)
    sums = {folder_id: found for folder_id, *found in connection.execute(query)}
    unmarked = select(columns.folder_id).join(scan_missing, scan_missing.c.file_id == columns.id)
    unmarked = unmarked.where(scan_missing.c.scan_id == scan_id, in_folders)
    open_folders = set(connection.execute(unmarked).scalars())
    rows: list[dict[str, Any]] = []
    for row in changed:
        problems, retried, first, last, count = sums.get(row["folder_id"], _NO_FILES)
        if not retried and row["folder_id"] not in open_folders:
            is_run = count and last - first + 1 == count
            rows.append(
                {
                    "of_folder": row["folder_id"],
                    "problems": int(problems),
                    "digest": row["digest"],
                    "files": row["files"],
                    "first_file_id": first if is_run else None,
                    "last_file_id": last if is_run else None,
                }
            )
    if rows:
        connection.execute(update(folders).where(folders.c.id == bindparam("of_folder")), rows)
