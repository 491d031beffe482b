"""The walk's side of a scan: what is known already, and writing down what was found."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from wire.outcomes import PROBLEMS, Outcome
from wire.roots import Root
from wire.states import ScanMode, ScanState
from worker.catalog.batchrow import add_batches
from worker.catalog.clock import FREE, moment
from worker.catalog.filelist import path_to_text
from worker.catalog.folders import chunks, ensure_folders, find_folders, is_inside
from worker.catalog.owner import Owner
from worker.catalog.scanrow import finish_if_ready, load_active, touch
from worker.catalog.schema import (
    files,
    folders,
    outcomes,
    roots,
    scan_folders,
    scan_missing,
    scans,
)
from worker.catalog.store import Catalog, insert_many, reserve_ids
from worker.catalog.tally import add_tallies
from worker.catalog.unchanged import Run, add_unchanged
from worker.library.model import FolderError, FoundFile, Signature

#: Classes of folder errors that say nothing about the folders beside it.
HARMLESS = frozenset({"PermissionError", "OutsideRoot", "FileNotFoundError", "NotADirectoryError"})

_SEEN_COLUMNS = ("scan_id", "folder_id", "digest", "files")


@dataclass(frozen=True, slots=True)
class DiscoveryClaim:
    """The right to walk a scan's folders until the lease runs out."""

    scan_id: str
    root: Root
    folder: bytes  #: the part to walk, b"" = all
    mode: ScanMode
    attempt: int  #: 1 the first time
    journaled: frozenset[bytes]  #: paths of the folders this scan has written down already
    files_found: int  #: files this scan has written down already
    mark_anyway: bool


class KnownFolder(NamedTuple):
    """A folder of which every file was settled when `digest` was taken."""

    id: int
    digest: bytes
    files: int
    known_problems: int
    first_file_id: int | None  #: the ids of its files, if they are one run
    last_file_id: int | None

    @property
    def runs(self) -> tuple[Run, ...]:
        """The same as a run, or nothing."""
        first, last = self.first_file_id, self.last_file_id
        return () if first is None or last is None else ((first, last),)


class KnownFile(NamedTuple):
    """A file of an earlier scan."""

    id: int
    signature: Signature
    retry: bool  #: to be read again even when its signature is the same
    problem: bool  #: its last outcome is one of `wire.outcomes.PROBLEMS`
    missing: bool  #: marked missing: put it in `returned_file_ids` when it is there again
    quarantined: bool  #: not to be read, not even by a full scan, while its signature is the same


@dataclass(frozen=True, slots=True)
class FoundFolder:
    """One folder as the walk saw it."""

    path: bytes
    digest: bytes
    files_found: int = 0
    unchanged: int = 0  #: files that are not read, `known_problems` included
    known_problems: int = 0
    other_files: int = 0
    #: The ids of the unchanged files; without them, those of a folder with a `known_id` are all
    #: that it has.
    unchanged_runs: tuple[Run, ...] = ()
    missing_file_ids: tuple[int, ...] = ()  #: known and not there
    returned_file_ids: tuple[int, ...] = ()  #: marked missing, there again and unchanged
    known_id: int | None = None  #: its id in the catalog, when nothing in it has changed


@dataclass(frozen=True, slots=True)
class FoundChunk:
    """Some whole folders, and their files that are to be read, in batches."""

    folders: Sequence[FoundFolder]
    batches: Sequence[Sequence[FoundFile]] = ()
    single_files: int = 0  #: files in `batches` that are in none of `folders`


def claim_discovery(
    catalog: Catalog, scan_id: str, owner: Owner, lease_seconds: float
) -> DiscoveryClaim | None:
    """Take the walk of a scan; None when it is walked by a living process, done or not wanted."""
    with catalog.write() as connection:
        row = load_active(connection, scan_id)
        if row is None or row["walk_done"] or row["paused_by"]:
            return None
        now = moment(connection)
        if row["lease_owner"] and not now.has_expired(row):
            return None
        attempt = row["walk_attempts"] + 1
        values = {"state": ScanState.DISCOVERING, "walk_attempts": attempt, "sends": 0}
        values["started_at"] = row["started_at"] or time.time()
        touch(connection, scan_id, **values, **now.lease(owner, lease_seconds))
        query = select(roots).where(roots.c.id == row["root_id"])
        root = connection.execute(query).mappings().one()
        is_written = scan_folders.c.scan_id == scan_id
        written = select(folders.c.path).join(scan_folders).where(is_written)
        journaled = frozenset(connection.execute(written).scalars())
    return DiscoveryClaim(
        scan_id=scan_id,
        root=Root(root["id"], root["path"], root["display"]),
        folder=row["folder"],
        mode=ScanMode(row["mode"]),
        attempt=attempt,
        journaled=journaled,
        files_found=row["files_found"],
        mark_anyway=row["mark_anyway"],
    )


def renew_discovery(catalog: Catalog, scan_id: str, owner: Owner, lease_seconds: float) -> bool:
    """Prolong the lease; False when it was lost, or the scan was paused or stopped."""
    with catalog.write() as connection:
        row = _held(connection, scan_id, owner)
        if row is not None:
            lease = moment(connection).lease(owner, lease_seconds)
            connection.execute(update(scans).where(scans.c.id == scan_id).values(lease))
        return row is not None


def release_discovery(catalog: Catalog, scan_id: str, owner: Owner) -> None:
    """Give the walk back unfinished (pause, shutdown): another may claim it at once."""
    with catalog.write() as connection:
        if _held(connection, scan_id, owner) is not None:
            touch(connection, scan_id, **FREE)


def load_folder_digests(
    catalog: Catalog, root_id: str, folder: bytes = b""
) -> dict[bytes, KnownFolder]:
    """Path -> what is known, for the settled folders in `folder` (b"" = the whole root)."""
    columns = folders.c
    query = select(
        columns.path, columns.id, columns.digest, columns.files, columns.problems,
        columns.first_file_id, columns.last_file_id,
    )  # fmt: skip
    query = query.where(columns.root_id == root_id, columns.digest.is_not(None))
    with catalog.read() as connection:
        rows = connection.execute(query).all()
    return {path: KnownFolder(*known) for path, *known in rows if is_inside(path, folder)}


def known_files(
    catalog: Catalog, root_id: str, paths: Iterable[bytes]
) -> dict[bytes, dict[bytes, KnownFile]]:
    """Folder path -> file name -> what is known of it, for the folders at `paths`.

    A folder that is not known is not in the answer.
    """
    columns = files.c
    query = select(
        columns.folder_id, columns.name, columns.id, columns.size, columns.mtime_ns,
        columns.ctime_ns, columns.retry, columns.outcome, columns.missing_since,
    )  # fmt: skip
    known: dict[bytes, dict[bytes, KnownFile]] = {}
    with catalog.read() as connection:
        found = find_folders(connection, root_id, list(paths))
        by_id = {folder_id: known.setdefault(path, {}) for path, folder_id in found.items()}
        for part in chunks(by_id):
            rows = connection.execute(query.where(columns.folder_id.in_(part)))
            for folder_id, name, file_id, size, mtime, ctime, retry, outcome, missing in rows:
                by_id[folder_id][name] = KnownFile(
                    file_id,
                    Signature(size, mtime, ctime),
                    retry,
                    outcome in PROBLEMS,
                    missing is not None,
                    outcome == Outcome.QUARANTINED,
                )
    return known


def add_found(catalog: Catalog, scan_id: str, owner: Owner, chunk: FoundChunk) -> bool:
    """Write down what was found, in one transaction.

    `chunk` must hold no folder that this scan has written down already (`journaled`).  False,
    with nothing written, when the owner lost its claim (or the scan is paused or stopped).
    """
    with catalog.write() as connection:
        row = _held(connection, scan_id, owner)
        if row is None:
            return False
        _add_folders(connection, row, chunk.folders)
        add_batches(connection, scan_id, chunk.batches)
        seen = chunk.folders
        added = {
            "folders_found": len(seen),
            "files_found": sum(folder.files_found for folder in seen) + chunk.single_files,
            "unchanged": sum(folder.unchanged for folder in seen),
            "known_problems": sum(folder.known_problems for folder in seen),
            "other_files": sum(folder.other_files for folder in seen),
        }
        touch(connection, scan_id, **{name: scans.c[name] + n for name, n in added.items()})
        return True


def finish_discovery(
    catalog: Catalog,
    scan_id: str,
    owner: Owner,
    errors: Sequence[FolderError] = (),
    *,
    mounted: bool | None = None,
) -> bool:
    """The walk is done: the totals are known.  False when the owner lost its claim.

    `mounted`: the root is on a file system of its own, to be remembered.

    Nothing under a folder of `errors` will be marked missing; when one of them is not `HARMLESS`,
    nothing at all will be, unless the scan was asked to mark anyway.  When no file is
    left to read the scan goes on to finishing: `reconcile` (or `read_scan`) tells.
    """
    with catalog.write() as connection:
        row = _held(connection, scan_id, owner)
        if row is None:
            return False
        connection.execute(
            update(roots).where(roots.c.id == row["root_id"]).values(mounted=mounted)
        )
        now = time.time()
        broken = any(error.error_class not in HARMLESS for error in errors)
        unlisted = json.dumps([path_to_text(error.path) for error in errors]) if errors else None
        touch(
            connection,
            scan_id,
            state=ScanState.SCANNING,
            walk_done=True,
            walk_broken=broken,
            unlisted=unlisted,
            discovered_at=now,
            **FREE,
        )
        _add_errors(connection, scan_id, errors, now)
        finish_if_ready(connection, scan_id)
        return True


def _held(connection: Connection, scan_id: str, owner: Owner) -> RowMapping | None:
    """The row of a scan that `owner` walks, None when it does not (any more)."""
    row = load_active(connection, scan_id)
    if row is None or row["walk_done"] or row["lease_owner"] != str(owner):
        return None
    return row


def _add_folders(connection: Connection, scan: RowMapping, found: Sequence[FoundFolder]) -> None:
    scan_id = scan["id"]
    if not found:
        return
    unknown = [folder.path for folder in found if folder.known_id is None]
    new_ids = ensure_folders(connection, scan["root_id"], unknown)
    ids = [f.known_id if f.known_id is not None else new_ids[f.path] for f in found]
    rows = [
        (scan_id, folder_id, folder.digest, folder.files_found)
        for folder_id, folder in zip(ids, found, strict=True)
    ]
    insert_many(connection, scan_folders, _SEEN_COLUMNS, rows)
    add_unchanged(
        connection,
        scan_id,
        (run for folder in found for run in folder.unchanged_runs),
        (
            folder.known_id
            for folder in found
            if folder.known_id is not None and not folder.unchanged_runs
        ),
    )
    # Until its files are settled a changed folder has no digest.
    changed = update(folders).where(folders.c.id == bindparam("of_folder"))
    changed = changed.where(folders.c.digest != bindparam("now"))
    changes = [
        {"of_folder": folder_id, "now": folder.digest}
        for folder_id, folder in zip(ids, found, strict=True)
        if folder.unchanged < folder.files_found or folder.missing_file_ids
    ]
    if changes:
        connection.execute(changed.values(digest=None), changes)
    missing = [
        {"scan_id": scan_id, "file_id": file_id}
        for folder in found
        for file_id in folder.missing_file_ids
    ]
    if missing:
        connection.execute(insert(scan_missing), missing)
    for part in chunks(file_id for folder in found for file_id in folder.returned_file_ids):
        connection.execute(update(files).where(files.c.id.in_(part)).values(missing_since=None))


def _add_errors(
    connection: Connection, scan_id: str, errors: Sequence[FolderError], now: float
) -> None:
    """Folders that could not be listed are among the problems; they count as no file."""
    rows: list[dict[str, Any]] = [
        {
            "id": row_id,
            "scan_id": scan_id,
            "path": error.path + b"/",
            "outcome": Outcome.PERMISSION
            if error.error_class == "PermissionError"
            else Outcome.UNREADABLE,
            "error_class": error.error_class,
            "message": error.message,
            "at": now,
            "problem": True,
        }
        for row_id, error in zip(
            reserve_ids(connection, outcomes, len(errors)), errors, strict=True
        )
    ]
    if rows:
        connection.execute(insert(outcomes), rows)
    found = Counter(("folder", row["outcome"]) for row in rows)
    found += Counter(("reason", f"{row['outcome']}:{row['error_class']}") for row in rows)
    add_tallies(connection, scan_id, found)
