"""The rows of a batch in the library's tables: files, tracks, and what they belong to."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, Table, delete, insert, select, update

from wire.outcomes import Outcome
from wire.text import display_path
from worker.catalog.entities import (
    TRACK_COLUMNS,
    FileRow,
    Grouped,
    album_values,
    artist_values,
    genre_values,
)
from worker.catalog.filelist import text_to_path
from worker.catalog.folders import chunks, ensure_folders
from worker.catalog.folding import search_text
from worker.catalog.schema import (
    albums,
    artists,
    files,
    folders,
    genres,
    search_texts,
    track_artists,
    track_genres,
    tracks,
)
from worker.catalog.store import insert_many, is_one_of, replace_many, reserve_ids

#: Outcomes after which a file is read again although it has not changed.
RETRIED = frozenset({Outcome.PERMISSION, Outcome.TIMED_OUT})
#: Error classes of `unreadable` that may be the disk's fault, not the file's.
_OS_ERRORS = frozenset(
    {"OSError", "FileNotFoundError", "InterruptedError", "BlockingIOError", "TimeoutError"}
)
_FILE_COLUMNS = (
    "id", "folder_id", "name", "path_display", "size", "mtime_ns", "ctime_ns", "outcome",
    "error_class", "error_message", "flags", "retry", "missing_since", "last_read_scan_id",
)  # fmt: skip
_TRACK_COLUMNS = ("id", "file_id", "album_id", "joined", *TRACK_COLUMNS)
_FOUND_BY = operator.itemgetter(*(TRACK_COLUMNS.index(n) for n in ("title", "artist", "album")))
_ARTIST_COLUMNS = ("track_id", "position", "artist_id", "credited_name", "sort_name")
_GENRE_COLUMNS = ("track_id", "position", "genre_id", "written_name")


_WITH_FILES = select(folders.c.id).where(
    is_one_of(folders.c.id, "folders"),
    select(files.c.id).where(files.c.folder_id == folders.c.id).exists(),
)
#: Plain text, because as an expression it takes longer to put together than to run.
_KNOWN_QUERY = """
select f.folder_id, f.name, f.id, t.id
from files f left join tracks t on t.file_id = f.id
where (f.folder_id, f.name) in (values {})
"""


class Stored(NamedTuple):
    """What became of one file."""

    file_id: int
    path: bytes
    shown_path: str
    outcome: Outcome
    row: FileRow


class _Known(NamedTuple):
    """What the catalog holds of a file that was read again."""

    file_id: int
    track_id: int | None


def store_files(
    connection: Connection, root_id: str, scan_id: str, grouped: Grouped
) -> list[Stored]:
    """Insert or update the files of a batch and their tracks."""
    paths = [text_to_path(row.path) for row in grouped.files]
    splits = [path.rpartition(b"/") for path in paths]
    folder_ids = ensure_folders(connection, root_id, [folder for folder, _, _ in splits])
    places = [(folder_ids[folder], name) for folder, _, name in splits]
    known = _find_known(connection, places)
    new_ids = iter(reserve_ids(connection, files, len(places) - len(known)))
    stored, file_rows = [], []
    for row, path, place in zip(grouped.files, paths, places, strict=True):
        before = known.get(place)
        outcome = _outcome(row, before)
        file_id = before.file_id if before else next(new_ids)
        one = Stored(file_id, path, display_path(path), outcome, row)
        stored.append(one)
        file_rows.append(_file_values(one, place, scan_id))
    known_ids = {k.file_id for k in known.values()}
    _store_rows(connection, files, _FILE_COLUMNS, file_rows, known_ids)
    tracks_before = {k.file_id: k.track_id for k in known.values() if k.track_id is not None}
    _store_tracks(connection, root_id, grouped, stored, tracks_before)
    texts = [(s.file_id, _search_text(s)) for s in stored if not _keeps_track(s, tracks_before)]
    _store_rows(connection, search_texts, ("id", "text"), texts, known_ids)
    return stored


def is_retried(outcome: Outcome, error_class: str) -> bool:
    """Whether a file with this outcome is read again although it has not changed."""
    return outcome in RETRIED or (outcome is Outcome.UNREADABLE and error_class in _OS_ERRORS)


def unsettle(connection: Connection, table: Table, row_ids: Iterable[int | None]) -> None:
    """Note that artists, albums or genres are to be settled again when the scan finishes."""
    for part in chunks({row_id for row_id in row_ids if row_id is not None}):
        connection.execute(update(table).where(table.c.id.in_(part)).values(settled=0))


def forget_tracks(connection: Connection, track_ids: Iterable[int]) -> None:
    """Delete tracks; what they belonged to is settled again."""
    for part in chunks(track_ids):
        unlink_tracks(connection, part)
        connection.execute(delete(tracks).where(tracks.c.id.in_(part)))


def unlink_tracks(connection: Connection, track_ids: Sequence[int]) -> None:
    """Take tracks (at most `CHUNK`) out of what they belong to, which is settled again."""
    for links, column, target in (
        (track_artists, track_artists.c.artist_id, artists),
        (track_genres, track_genres.c.genre_id, genres),
        (None, tracks.c.album_id, albums),
    ):
        of_track = links.c.track_id if links is not None else tracks.c.id
        left = connection.execute(select(column).distinct().where(of_track.in_(track_ids)))
        unsettle(connection, target, left.scalars().all())
        if links is not None:
            connection.execute(delete(links).where(of_track.in_(track_ids)))


def _find_known(
    connection: Connection, places: Sequence[tuple[int, bytes]]
) -> dict[tuple[int, bytes], _Known]:
    known: dict[tuple[int, bytes], _Known] = {}
    filled = _folders_with_files(connection, {folder_id for folder_id, _ in places})
    marker = "(?, ?)" if connection.dialect.name == "sqlite" else "(%s, %s)"
    for part in chunks(place for place in places if place[0] in filled):
        query = _KNOWN_QUERY.format(", ".join([marker] * len(part)))
        rows = connection.exec_driver_sql(query, tuple(chain.from_iterable(part)))
        for folder_id, name, file_id, track_id in rows:
            known[folder_id, name] = _Known(file_id, track_id)
    return known


def _folders_with_files(connection: Connection, folder_ids: Iterable[int]) -> set[int]:
    """Those of some folders of which the catalog holds a file: none in most first scans."""
    found: set[int] = set()
    for part in chunks(folder_ids):
        found.update(connection.execute(_WITH_FILES, {"folders": part}).scalars())
    return found


def _outcome(row: FileRow, before: _Known | None) -> Outcome:
    if row.outcome is not None:
        return Outcome(row.outcome)
    return Outcome.NEW if before is None or before.track_id is None else Outcome.UPDATED


def _file_values(stored: Stored, place: tuple[int, bytes], scan_id: str) -> tuple[Any, ...]:
    outcome, row = stored.outcome, stored.row
    return (
        stored.file_id,
        *place,
        stored.shown_path,
        row.size,
        row.mtime_ns,
        row.ctime_ns,
        outcome.value,
        row.error_class,
        row.message,
        row.flags,
        is_retried(outcome, row.error_class),
        None,
        scan_id,
    )


def _search_text(stored: Stored) -> str:
    track = stored.row.track
    title, artist, album = _FOUND_BY(track.values) if track else (None, None, None)
    return search_text(title, artist, album, stored.shown_path)


def _keeps_track(stored: Stored, before: Mapping[int, int]) -> bool:
    """Whether what cannot be read just now is still the track that it was."""
    is_retry = is_retried(stored.outcome, stored.row.error_class)
    return stored.row.track is None and stored.file_id in before and is_retry


def _store_tracks(
    connection: Connection,
    root_id: str,
    grouped: Grouped,
    stored: Sequence[Stored],
    before: Mapping[int, int],
) -> None:
    """`before`: file id -> track id of the files that had a track."""
    with_track = [(s.file_id, s.row.track) for s in stored if s.row.track is not None]
    gone = [
        before[s.file_id]
        for s in stored
        if s.row.track is None and s.file_id in before and not _keeps_track(s, before)
    ]
    forget_tracks(connection, gone)
    for part in chunks(before[file_id] for file_id, _ in with_track if file_id in before):
        unlink_tracks(connection, part)
    new = sum(file_id not in before for file_id, _ in with_track)
    new_ids = iter(reserve_ids(connection, tracks, new))
    artist_ids, album_ids, genre_ids = _store_entities(connection, root_id, grouped)
    track_rows: list[tuple[Any, ...]] = []
    artist_rows: list[tuple[Any, ...]] = []
    genre_rows: list[tuple[Any, ...]] = []
    for file_id, track in with_track:
        track_id = before[file_id] if file_id in before else next(new_ids)
        album_id = album_ids[track.album] if track.album is not None else None
        track_rows.append((track_id, file_id, album_id, False, *track.values))
        for position, (artist, name, sort_name) in enumerate(track.artists):
            artist_rows.append((track_id, position, artist_ids[artist], name, sort_name))
        for position, (genre, name) in enumerate(track.genres):
            genre_rows.append((track_id, position, genre_ids[genre], name))
    _store_rows(connection, tracks, _TRACK_COLUMNS, track_rows, set(before.values()))
    insert_many(connection, track_artists, _ARTIST_COLUMNS, artist_rows)
    insert_many(connection, track_genres, _GENRE_COLUMNS, genre_rows)


def _store_rows(
    connection: Connection,
    table: Table,
    columns: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
    known: Set[int],
) -> None:
    """Insert rows, or replace those whose id, their first value, is `known`."""
    insert_many(connection, table, columns, [row for row in rows if row[0] not in known])
    replace_many(connection, table, columns, [row for row in rows if row[0] in known])


def _store_entities(
    connection: Connection, root_id: str, grouped: Grouped
) -> tuple[list[int], list[int], list[int]]:
    """The ids of the artists, albums and genres of a batch, in its order."""
    artist_rows = [artist_values(row.name, row.mbid) for row in grouped.artists]
    album_rows = [album_values(root_id, row) for row in grouped.albums]
    genre_rows = [genre_values(name) for name in grouped.genres]
    return (
        ensure_rows(connection, artists, artist_rows),
        ensure_rows(connection, albums, album_rows),
        ensure_rows(connection, genres, genre_rows),
    )


def ensure_rows(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> list[int]:
    """The ids of `rows` by their keys; new ones are added, all are to be settled again."""
    known: dict[bytes, int] = {}
    settled_ids: list[int] = []
    for part in chunks(row["key"] for row in rows):
        for key, row_id, settled in connection.execute(_by_key(table), {"keys": part}):
            known[key] = row_id
            if settled:
                settled_ids.append(row_id)
    unsettle(connection, table, settled_ids)
    new = [row for row in rows if row["key"] not in known]
    if new:
        new_ids = reserve_ids(connection, table, len(new))
        new = [row | {"id": row_id} for row, row_id in zip(new, new_ids, strict=True)]
        connection.execute(insert(table), new)
        known |= {row["key"]: row["id"] for row in new}
    return [known[row["key"]] for row in rows]


@lru_cache
def _by_key(table: Table) -> Select[Any]:
    return select(table.c.key, table.c.id, table.c.settled).where(is_one_of(table.c.key, "keys"))
