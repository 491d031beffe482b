"""The albums of one MusicBrainz release: each rip of it is an album, its discs are not.

1. Folders in which the same place on a disc is taken hold different rips; folders that complete
   each other hold one, nearest folders first.
2. Which folders go together is a function of the tracks that carry the release id, and of no
   history.  Which row stands for them is: the oldest track keeps its row, and so its id.
3. Only tracks that carry the id are looked at: those that joined an album beside them have been
   let go before, and join again afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, distinct, func, insert, select, update

from worker.catalog.entities import AlbumRow, album_key, album_values
from worker.catalog.filelist import path_to_text
from worker.catalog.folders import chunks
from worker.catalog.joining import let_tracks_go
from worker.catalog.naming import digest, name_key, release_folder
from worker.catalog.schema import albums, files, folders, tracks
from worker.catalog.storage import unsettle
from worker.catalog.store import reserve_ids

#: Folders of one release that are told apart one by one; of more, all go together or none.
PLACES_MAX = 50

#: A release folder: the root's id, the path.
Place = tuple[str, bytes]
#: A track's place on its release: disc and track, or what it is called when it has no number.
Position = tuple[int, int | str]


class _Line(NamedTuple):
    """A track, as far as it matters here."""

    id: int
    album_id: int
    root_id: str
    folder: bytes
    disc_number: int | None
    track_number: int | None
    recording: str | None
    title: str | None

    @property
    def place(self) -> Place:
        return self.root_id, release_folder(self.folder)

    @property
    def position(self) -> Position | None:
        if self.track_number is not None:
            return self.disc_number or 1, self.track_number
        name = self.recording or name_key(self.title or "")
        return (self.disc_number or 1, name) if name else None


def editions(places: Mapping[Place, set[Position]]) -> list[list[Place]]:
    """Which folders hold one rip: those that share no position, the nearest first.  Sorted."""
    if sum(map(len, places.values())) == len(set().union(*places.values())):
        return [sorted(places)]
    group_of = {place: [place] for place in sorted(places)}
    taken = {place: set(positions) for place, positions in places.items()}
    pairs = combinations(group_of, 2) if len(places) <= PLACES_MAX else ()
    for one, other in sorted(pairs, key=lambda pair: -_nearness(*pair)):
        group, joining = group_of[one], group_of[other]
        if group is not joining and taken[group[0]].isdisjoint(taken[joining[0]]):
            taken[group[0]] |= taken[joining[0]]
            group += joining
            group_of |= dict.fromkeys(joining, group)
    return sorted(sorted(group) for place, group in group_of.items() if group[0] == place)


def arrange(connection: Connection, album_ids: Sequence[int]) -> None:
    """Give every rip of the releases of these albums an album of its own, and every album one."""
    for mbid, sisters in _doubtful(connection, album_ids).items():
        for part in chunks(sisters):
            let_tracks_go(connection, part)
        lines = _lines(connection, sisters)
        places: dict[Place, set[Position]] = {}
        for line in lines:
            positions = places.setdefault(line.place, set())
            positions |= {line.position} if line.position else set()
        if places:
            _assign(connection, mbid, editions(places), lines, sisters)


def _doubtful(connection: Connection, album_ids: Sequence[int]) -> dict[str, dict[int, bytes]]:
    """Release id -> id and key of all its albums, where more than one folder or row tells of it."""
    with_id = select(albums.c.mbid).where(albums.c.id.in_(album_ids), albums.c.mbid.is_not(None))
    counts = select(
        albums.c.mbid,
        func.count(distinct(albums.c.id)),
        func.count(distinct(folders.c.release_hash)),
    )
    counts = counts.select_from(_WITH_FOLDERS)
    counts = counts.where(albums.c.mbid.in_(with_id)).group_by(albums.c.mbid)
    doubtful = [mbid for mbid, *numbers in connection.execute(counts) if max(numbers) > 1]
    sisters: dict[str, dict[int, bytes]] = {mbid: {} for mbid in doubtful}
    query = select(albums.c.mbid, albums.c.id, albums.c.key).where(albums.c.mbid.in_(doubtful))
    for mbid, album_id, key in connection.execute(query):
        sisters[mbid][album_id] = key
    return sisters


def _lines(connection: Connection, album_ids: Mapping[int, bytes]) -> list[_Line]:
    """The tracks of albums, oldest first."""
    columns = tracks.c
    query = select(
        columns.id, columns.album_id, folders.c.root_id, folders.c.path,
        columns.disc_number, columns.track_number, columns.mb_recording_id, columns.title,
    )  # fmt: skip
    query = query.select_from(_TRACKS)
    parts = (
        connection.execute(query.where(columns.album_id.in_(part))) for part in chunks(album_ids)
    )
    return sorted(_Line(*row) for part in parts for row in part)


def _assign(
    connection: Connection,
    mbid: str,
    groups: list[list[Place]],
    lines: Sequence[_Line],
    sisters: Mapping[int, bytes],
) -> None:
    """Let every group of folders have a row; the group with the oldest track chooses first."""
    group_of = {place: number for number, group in enumerate(groups) for place in group}
    rows_of: dict[int, set[int]] = {}  # in the order of their oldest tracks
    for line in lines:
        rows_of.setdefault(group_of[line.place], set()).add(line.album_id)
    row_of: dict[int, int] = {}
    for number, rows in rows_of.items():
        left = rows - set(row_of.values())
        row_of[number] = min(left) if left else _new_row(connection, mbid, groups[number][0])
    moved = [line for line in lines if row_of[group_of[line.place]] != line.album_id]
    changes = [{"of": line.id, "to": row_of[group_of[line.place]]} for line in moved]
    _move(connection, changes)
    unsettle(connection, albums, {line.album_id for line in moved} | {c["to"] for c in changes})
    keys = {
        row: album_key(groups[number][0][0], _row(mbid, groups[number][0]))
        for number, row in row_of.items()
    }
    _name_keys(connection, keys, sisters)


def _name_keys(
    connection: Connection, keys: Mapping[int, bytes], sisters: Mapping[int, bytes]
) -> None:
    """Give rows the keys by which their folders' tracks will find them again."""
    is_row = albums.c.id == bindparam("of")
    wrong = [row for row, key in sisters.items() if keys.get(row) != key]
    if wrong:
        aside = [{"of": row, "to": _aside(row)} for row in wrong]
        connection.execute(update(albums).where(is_row).values(key=bindparam("to")), aside)
    named = [{"of": row, "to": key} for row, key in keys.items() if sisters.get(row) != key]
    if named:
        connection.execute(update(albums).where(is_row).values(key=bindparam("to")), named)


def _move(connection: Connection, changes: Sequence[dict[str, Any]]) -> None:
    """Let tracks (`of`) belong to albums (`to`)."""
    if changes:
        is_track = tracks.c.id == bindparam("of")
        statement = update(tracks).where(is_track).values(album_id=bindparam("to"))
        connection.execute(statement, list(changes))


def _row(mbid: str, place: Place) -> AlbumRow:
    return AlbumRow(mbid, path_to_text(place[1]), "", "", [])


def _new_row(connection: Connection, mbid: str, place: Place) -> int:
    """A row to be named, whose key is still another's."""
    (row_id,) = reserve_ids(connection, albums, 1)
    values = album_values(place[0], _row(mbid, place))
    connection.execute(insert(albums), values | {"id": row_id, "key": _aside(row_id)})
    return row_id


def _aside(row_id: int) -> bytes:
    return digest("aside", str(row_id))


def _nearness(one: Place, other: Place) -> int:
    """How many steps two folders have in common, counted from the top."""
    steps = zip((one[0], *one[1].split(b"/")), (other[0], *other[1].split(b"/")), strict=False)
    common = 0
    for a, b in steps:
        if a != b:
            break
        common += 1
    return common


_TRACKS = tracks.join(files, files.c.id == tracks.c.file_id).join(
    folders, folders.c.id == files.c.folder_id
)
#: One by one: of a join within a join SQLite would make a table first, of all tracks there are.
_WITH_FOLDERS = (
    albums.outerjoin(tracks, tracks.c.album_id == albums.c.id)
    .outerjoin(files, files.c.id == tracks.c.file_id)
    .outerjoin(folders, folders.c.id == files.c.folder_id)
)
