"""The catalog as plain rows, for other programs: page by page, so that memory stays flat."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    RowMapping,
    Select,
    Table,
    literal,
    null,
    select,
    union_all,
)

from wire.outcomes import Outcome
from wire.text import path_to_wire
from worker.catalog.entities import LIST_COLUMNS
from worker.catalog.schema import (
    album_artists,
    albums,
    artists,
    files,
    folders,
    genres,
    outcomes,
    roots,
    scans,
    track_artists,
    track_genres,
    tracks,
    unchanged,
)

#: Rows that are read at a time.
PAGE = 1_000
#: Columns that hold a list as JSON text.
_LISTS = frozenset(LIST_COLUMNS)
#: What is only for the catalog's own comparisons.
_INTERNAL = frozenset(
    {"name_key", "title_key", "settled", "has_album_artist", "folder_id", "retry", "joined"}
)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Export:
    """A table to export: its rows by ascending `id`, and what puts lists into a page of them.

    Without an `id` they come in any order, and have no lists.
    """

    query: Select[Any]
    id: Column[int] | None = None
    join: Callable[[Connection, Sequence[Row]], None] | None = None

    @property
    def columns(self) -> list[str]:
        """The names of the columns, in order."""
        names = (str(column.key) for column in self.query.selected_columns)
        return [name for name in names if not name.startswith("_")]


def rows(connection: Connection, table: str, scan_id: str = "") -> Iterator[Row]:
    """The rows of a table of `TABLES`; lists are lists, exact paths percent-encoded.

    `scan_id`: of `outcomes` only those of this scan.
    """
    if connection.dialect.name == "postgresql":
        # Who reads this may take a break, as `less` does.
        connection.exec_driver_sql("set local idle_in_transaction_session_timeout = 0")
    export, after = TABLES[table], -1
    if export.id is None:
        query = export.query.where(_EVERY.c.scan_id == scan_id) if scan_id else export.query
        streamed = connection.execute(query, execution_options={"yield_per": PAGE})
        yield from map(_plain, streamed.mappings())
        return
    ordered = export.query.order_by(export.id).limit(PAGE)
    while found := connection.execute(ordered.where(export.id > after)).mappings().all():
        page = [_plain(row) for row in found]
        if export.join is not None:
            export.join(connection, page)
        yield from page
        after = page[-1]["id"]


def has_scan(connection: Connection, scan_id: str) -> bool:
    """Whether there is anything to tell of this scan."""
    return connection.execute(select(scans.c.id).where(scans.c.id == scan_id)).first() is not None


def _plain(row: RowMapping) -> Row:
    """A row as JSON can carry it."""
    values = dict(row)
    if "_folder" in values:
        folder, name = bytes(values.pop("_folder")), bytes(values.pop("_name"))
        values["path"] = path_to_wire(folder + b"/" + name if folder else name)
    for name, value in values.items():
        if name in _LISTS:
            values[name] = json.loads(value) if value else []
        elif name == "flags":
            values[name] = (value or "").split()
        elif isinstance(value, float) and not math.isfinite(value):
            values[name] = None
    return values


def _join_artists(links: Table, owner: Column[int]) -> Callable[[Connection, Sequence[Row]], None]:
    """Puts `artists` (as credited) and `artist_ids` into rows."""

    def join(connection: Connection, page: Sequence[Row]) -> None:
        by_id = {row["id"]: row for row in page}
        for row in page:
            row["artists"], row["artist_ids"] = [], []
        query = select(owner, links.c.artist_id, artists.c.name, links.c.credited_name)
        query = query.join(artists, artists.c.id == links.c.artist_id)
        query = query.where(owner.between(page[0]["id"], page[-1]["id"]))
        for row_id, artist_id, name, credited in connection.execute(
            query.order_by(owner, links.c.position)
        ):
            by_id[row_id]["artists"].append(credited or name)
            by_id[row_id]["artist_ids"].append(artist_id)

    return join


_join_track_artists = _join_artists(track_artists, track_artists.c.track_id)


def _join_track(connection: Connection, page: Sequence[Row]) -> None:
    _join_track_artists(connection, page)
    by_id = {row["id"]: row for row in page}
    for row in page:
        row["genres"] = []
    of_track = track_genres.c.track_id
    query = select(of_track, genres.c.name).join(genres)
    query = query.where(of_track.between(page[0]["id"], page[-1]["id"]))
    for track_id, name in connection.execute(query.order_by(of_track, track_genres.c.position)):
        by_id[track_id]["genres"].append(name)


def _shown(table: Table, *left_out: str) -> list[Column[Any]]:
    """The columns of `table` that mean something outside; no digests."""
    hidden = {*_INTERNAL, *left_out}
    return [
        column
        for column in table.columns
        if column.name not in hidden and column.type.python_type is not bytes
    ]


#: Where a file lies; `path` is made of the two hidden ones.
_PLACE = (
    roots.c.display.label("root"),
    files.c.path_display,
    null().label("path"),
    folders.c.path.label("_folder"),
    files.c.name.label("_name"),
)
_AS_CREDITED = (null().label("artists"), null().label("artist_ids"))
_OF_FILE = ("size", "mtime_ns", "ctime_ns", "outcome", "error_class", "error_message", "flags",
            "missing_since", "last_read_scan_id")  # fmt: skip

_READ = select(
    outcomes.c.scan_id, outcomes.c.file_id, outcomes.c.outcome, outcomes.c.error_class,
    outcomes.c.message, literal(b"").label("_folder"), outcomes.c.path.label("_name"),
).where(outcomes.c.file_id.is_not(None))  # fmt: skip
_NOT_READ = select(
    unchanged.c.scan_id, files.c.id, literal(Outcome.UNCHANGED.value), literal(""), literal(""),
    folders.c.path, files.c.name,
).select_from(
    unchanged.join(
        files, files.c.id.between(unchanged.c.first_file_id, unchanged.c.last_file_id)
    ).join(folders)
)  # fmt: skip
#: One row for each file of each scan.  The path of an unchanged file is that of today.
_EVERY = union_all(_READ, _NOT_READ).subquery()

#: The tables that can be exported.
TABLES = {
    "tracks": Export(
        select(
            *_shown(tracks), *_AS_CREDITED, null().label("genres"), *_PLACE,
            *(files.c[name] for name in _OF_FILE),
        ).select_from(tracks.join(files).join(folders).join(roots)),
        tracks.c.id,
        _join_track,
    ),
    "albums": Export(
        select(*_shown(albums), *_AS_CREDITED),
        albums.c.id,
        _join_artists(album_artists, album_artists.c.album_id),
    ),
    "artists": Export(select(*_shown(artists)), artists.c.id),
    "files": Export(
        select(files.c.id, tracks.c.id.label("track_id"), *_PLACE,
               *(files.c[name] for name in _OF_FILE))
        .select_from(files.outerjoin(tracks).join(folders).join(roots)),
        files.c.id,
    ),
    "outcomes": Export(
        select(_EVERY.c.scan_id, _EVERY.c.file_id, roots.c.display.label("root"),
               null().label("path"), *(_EVERY.c[name] for name in
               ("outcome", "error_class", "message", "_folder", "_name")))
        .select_from(_EVERY.join(scans, scans.c.id == _EVERY.c.scan_id).join(roots)),
    ),
}  # fmt: skip
