"""What joined the thing beside it for want of an id: marked as such, so that it can be let go.

Whether a track or a credit joins depends on what else there is.  When that changes, whatever had
joined is again what its own file says, and is looked at anew: the result depends on the tracks,
not on the scans that they came in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, bindparam, select, update

from worker.catalog.entities import album_of, album_values, artist_values
from worker.catalog.folders import chunks
from worker.catalog.schema import (
    album_artists,
    albums,
    artists,
    files,
    folders,
    track_artists,
    tracks,
)
from worker.catalog.storage import ensure_rows, unsettle
from worker.library.model import Tags

_CREDITS = (track_artists, album_artists)
_TRACKS = tracks.join(files, files.c.id == tracks.c.file_id).join(
    folders, folders.c.id == files.c.folder_id
)


def join_artists(connection: Connection, joining: Mapping[int, int]) -> None:
    """Let all credits of some artists be those of others: id of each -> id of the other."""
    changes = [{"of": of, "to": to} for of, to in joining.items()]
    for links in _CREDITS if changes else ():
        theirs = update(links).where(links.c.artist_id == bindparam("of"))
        connection.execute(theirs.values(artist_id=bindparam("to"), joined=True), changes)


def let_credits_go(connection: Connection, artist_ids: Sequence[int]) -> list[int]:
    """Let credits that joined these artists be their own; the artists that lost some."""
    losing: set[int] = set()
    for links in _CREDITS:
        columns = links.c
        query = select(columns.artist_id, columns.credited_name).distinct()
        query = query.where(columns.artist_id.in_(artist_ids), columns.joined)
        found = connection.execute(query).all()
        if not found:
            continue
        losing |= {artist_id for artist_id, _ in found}
        own = {name: artist_values(name, None) for _, name in found}
        ids = _ids(connection, artists, own.values())
        changes = [{"of": i, "as": name, "to": ids[own[name]["key"]]} for i, name in found]
        theirs = update(links).where(
            columns.artist_id == bindparam("of"),
            columns.credited_name == bindparam("as"),
            columns.joined,
        )
        connection.execute(theirs.values(artist_id=bindparam("to"), joined=False), changes)
    return sorted(losing)


def join_album(connection: Connection, double_id: int, album_id: int) -> None:
    """Let the tracks of an album be those of another."""
    theirs = update(tracks).where(tracks.c.album_id == double_id)
    connection.execute(theirs.values(album_id=album_id, joined=True))


def let_tracks_go(connection: Connection, album_ids: Sequence[int]) -> None:
    """Let tracks that joined these albums, or others in their folders, be their own."""
    if connection.execute(select(tracks.c.id).where(tracks.c.joined).limit(1)).first() is None:
        return  # as in most libraries: nothing else need be looked at
    places = select(folders.c.release_hash).select_from(_TRACKS)
    places = places.where(tracks.c.album_id.in_(album_ids))
    columns = tracks.c
    query = select(
        columns.id, columns.album_id, folders.c.root_id, folders.c.path, columns.album,
        columns.compilation, columns.album_artists, columns.mb_album_artist_ids,
        columns.album_artist_sorts,
    )  # fmt: skip
    query = query.select_from(_TRACKS).where(columns.joined, folders.c.release_hash.in_(places))
    found = connection.execute(query).all()
    for part in chunks(found):
        told = {row.id: album_of(row.path, _tags(row)) for row in part}
        own = {
            row.id: album_values(row.root_id, album)
            for row in part
            if (album := told[row.id]) is not None
        }
        ids = _ids(connection, albums, own.values())
        changes = [{"of": i, "to": ids[own[i]["key"]] if i in own else None} for i in told]
        is_track = tracks.c.id == bindparam("of")
        theirs = update(tracks).where(is_track)
        connection.execute(theirs.values(album_id=bindparam("to"), joined=False), changes)
    unsettle(connection, albums, {row.album_id for row in found})


def _ids(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> dict[bytes, int]:
    """Key -> id of each of `rows`."""
    by_key = {row["key"]: row for row in rows}
    ids = ensure_rows(connection, table, list(by_key.values()))
    return dict(zip(by_key, ids, strict=True))


def _tags(row: Any) -> Tags:
    lists = (row.album_artists, row.mb_album_artist_ids, row.album_artist_sorts)
    names, mbids, sorts = (tuple(json.loads(text or "[]")) for text in lists)
    return Tags(
        album=row.album,
        compilation=row.compilation,
        album_artists=names,
        mb_album_artist_ids=mbids,
        album_artist_sorts=sorts,
    )
