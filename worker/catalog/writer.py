"""Storing a batch: one transaction for its rows, its outcomes and the scan's counters.

1. A batch is stored by whoever holds its claim, and closed in the same transaction.
2. What is stored does not depend on the order of batches: names and album data that tracks
   disagree about are settled when the scan finishes (see `settle.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from wire.outcomes import PROBLEMS, STORED, Outcome
from worker.catalog.batchrow import set_batch
from worker.catalog.clock import FREE
from worker.catalog.entities import AUDIO_COLUMNS, TRACK_COLUMNS, FileRow, Grouped
from worker.catalog.filelist import decode_files, path_to_text
from worker.catalog.journal import Claim, held_row
from worker.catalog.scanrow import finish_if_ready, touch
from worker.catalog.schema import outcomes, scans
from worker.catalog.storage import Stored, store_files
from worker.catalog.store import Catalog, insert_many, reserve_ids
from worker.catalog.tally import add_tallies
from worker.library.model import FoundFile

_OUTCOME_COLUMNS = (
    "id", "scan_id", "file_id", "path", "outcome", "error_class", "message", "size_bytes", "at",
    "problem",
)  # fmt: skip
_FORMAT = TRACK_COLUMNS.index(AUDIO_COLUMNS[0])


@dataclass(frozen=True, slots=True)
class Completed:
    """A batch is stored; `finish`: it was the last, the scan waits only for `finish_scan`."""

    files: int
    finish: bool


def complete(catalog: Catalog, held: Claim, grouped: Grouped, *, now: float) -> Completed | None:
    """Store a batch and close it; None, with nothing stored, when the claim was lost.

    `now` is epoch seconds.
    """
    with catalog.write() as connection:
        if held_row(connection, held) is None:
            return None
        return _store(connection, held, grouped, now)


def give_up(
    catalog: Catalog, held: Claim, error_class: str, message: str, *, now: float
) -> Completed | None:
    """Close a batch that cannot be done: its files become `unreadable` with this error."""
    with catalog.write() as connection:
        row = held_row(connection, held)
        if row is None:
            return None
        left = decode_files(row["files"])
        grouped = Grouped(files=[_unreadable(file, error_class, message) for file in left])
        return _store(connection, held, grouped, now)


def _store(connection: Connection, held: Claim, grouped: Grouped, now: float) -> Completed:
    stored = store_files(connection, held.root.id, held.scan_id, grouped)
    _add_outcomes(connection, held.scan_id, stored, now)
    _count(connection, held.scan_id, stored)
    done = {"state": "done", "files": None, "current_path": None, "deaths": None, **FREE}
    set_batch(connection, held.batch_id, done)
    return Completed(len(stored), finish_if_ready(connection, held.scan_id))


def _add_outcomes(
    connection: Connection, scan_id: str, stored: Sequence[Stored], now: float
) -> None:
    new_ids = reserve_ids(connection, outcomes, len(stored))
    rows = [
        (
            row_id,
            scan_id,
            file_id,
            path,
            outcome.value,
            row.error_class,
            row.message,
            row.size,
            now,
            outcome in PROBLEMS,
        )
        for row_id, (file_id, path, _, outcome, row) in zip(new_ids, stored, strict=True)
    ]
    insert_many(connection, outcomes, _OUTCOME_COLUMNS, rows)


def _count(connection: Connection, scan_id: str, stored: Sequence[Stored]) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for _, _, _, outcome, row in stored:
        counts["outcome", outcome] += 1
        if outcome in PROBLEMS:
            counts["reason", f"{outcome}:{row.error_class}"] += 1
        if outcome in STORED and row.track is not None and row.track.values[_FORMAT]:
            counts["format", row.track.values[_FORMAT]] += 1
    add_tallies(connection, scan_id, counts)
    size = sum(s.row.size for s in stored)
    touch(connection, scan_id, bytes_read=scans.c.bytes_read + size)


def _unreadable(file: FoundFile, error_class: str, message: str) -> FileRow:
    signature = file.signature
    return FileRow(
        path_to_text(file.path),
        signature.size,
        signature.mtime_ns,
        signature.ctime_ns,
        Outcome.UNREADABLE,
        error_class,
        message,
        None,
        None,
    )
