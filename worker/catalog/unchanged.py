"""Files of a scan that had not changed, as runs of ids.

A row for each would be most of what a scan writes: a library that has not changed is a few runs.
An id is never given twice, so that a run names the same files for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, func, select

from worker.catalog.folders import chunks
from worker.catalog.schema import files, unchanged
from worker.catalog.store import insert_many, is_one_of

_COLUMNS = ("scan_id", "first_file_id", "last_file_id")
_THERE = is_one_of(files.c.folder_id, "folders") & files.c.missing_since.is_(None)
_SPANS = select(files.c.folder_id, func.min(files.c.id), func.max(files.c.id), func.count())
_SPANS = _SPANS.where(_THERE).group_by(files.c.folder_id)
_IDS = select(files.c.id).where(_THERE)

Run = tuple[int, int]  #: its first and its last id


def add_unchanged(
    connection: Connection, scan_id: str, runs: Iterable[Run], folder_ids: Iterable[int]
) -> None:
    """Write down that these files, and all files of these folders, had not changed."""
    every = merged([*runs, *_runs_of_folders(connection, folder_ids)])
    insert_many(connection, unchanged, _COLUMNS, [(scan_id, *run) for run in every])


def _runs_of_folders(connection: Connection, folder_ids: Iterable[int]) -> list[Run]:
    runs, scattered = [], []
    for part in chunks(folder_ids):
        for folder_id, first, last, count in connection.execute(_SPANS, {"folders": part}):
            if last - first + 1 == count:
                runs.append((first, last))
            else:
                scattered.append(folder_id)
    for part in chunks(scattered):
        found = connection.execute(_IDS, {"folders": part}).scalars()
        runs += [(file_id, file_id) for file_id in found]
    return runs


def merged(runs: Iterable[Run]) -> Iterator[Run]:
    """Disjoint runs as few as possible, in order."""
    first = last = None
    for low, high in sorted(runs):
        if first is None or last is None:
            first = low
        elif low > last + 1:
            yield first, last
            first = low
        last = high
    if first is not None and last is not None:
        yield first, last
