"""Settling albums: their data by the vote of their tracks, and which of them are doubles."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)

from worker.catalog import editions
from worker.catalog.entities import artist_key, artist_values, credits_of
from worker.catalog.joining import join_album, let_tracks_go
from worker.catalog.naming import KEY_CHARS, name_key
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
from worker.catalog.voting import elect

#: Rips of releases that are named together with the albums of one step.
RIPS_MAX = 1_000
#: Column of an album -> column of its tracks that votes for it.
_VOTED = {
    "title": "album",
    "title_sort": "album_sort",
    "release_group_mbid": "mb_release_group_id",
    "date": "date",
    "original_date": "original_date",
    "disc_total": "disc_total",
    "label": "label",
    "catalog_number": "catalog_number",
    "barcode": "barcode",
}
_CREDIT = ("album_artists", "mb_album_artist_ids", "album_artist_sorts")


#: An artist as a track credits it: name, MusicBrainz id, sort name.
_Credit = tuple[str, str | None, str | None]


class _Link(NamedTuple):
    """One artist of an album."""

    artist_id: int
    credited_name: str
    sort_name: str | None


class _Album(NamedTuple):
    """An album among those of one folder and title."""

    id: int
    mbid: str | None
    has_album_artist: bool
    artist: str
    has_artist_ids: bool

    @property
    def certainty(self) -> int:
        """By what it is told from others: 3 its id, 2 ids of its artists, 1 their names, 0 less."""
        if self.mbid:
            return 3
        return 1 + self.has_artist_ids if self.has_album_artist else 0


def name(connection: Connection, some_ids: Sequence[int]) -> None:
    """Give albums the data most of their tracks agree on; delete those without tracks."""
    album_ids = _with_rips(connection, some_ids)
    let_tracks_go(connection, album_ids)
    editions.arrange(connection, album_ids)
    # What has left a folder, or is called otherwise, may leave another the only one of its title.
    titles = select(albums.c.title_key).where(albums.c.id.in_(album_ids), albums.c.title_key != "")
    beside = albums.c.title_key.in_(titles) & (albums.c.settled == 2)
    connection.execute(update(albums).where(beside).values(settled=0))
    _elect(connection, album_ids)


def _elect(connection: Connection, album_ids: Sequence[int]) -> None:
    """Name albums by their tracks; delete those without."""
    columns = [tracks.c[column] for column in (*_VOTED.values(), "compilation", *_CREDIT)]
    query = select(tracks.c.album_id, *columns, func.count().label("votes"))
    query = query.where(tracks.c.album_id.in_(album_ids)).group_by(tracks.c.album_id, *columns)
    lines: dict[int, list[Any]] = {}
    for line in connection.execute(query):
        lines.setdefault(line.album_id, []).append(line)
    links = _links(connection, lines)
    _replace_links(connection, album_ids, links)
    rows = []
    for album_id, votes in lines.items():
        row: dict[str, Any] = _voted(votes)
        row["title"] = row["title"] or ""
        row["title_key"] = name_key(row["title"])[:KEY_CHARS]
        row["compilation"] = any(line.compilation for line in votes)
        row["artist"] = "; ".join(link.credited_name for link in links.get(album_id, ()))
        rows.append(row | {"of": album_id, "settled": 1})
    if rows:
        connection.execute(update(albums).where(albums.c.id == bindparam("of")), rows)
    orphans = [album_id for album_id in album_ids if album_id not in lines]
    connection.execute(delete(albums).where(albums.c.id.in_(orphans)))


def _voted(votes: Sequence[Any]) -> dict[str, Any]:
    """What the tracks of an album say of it, by most votes: nearly always all say the same."""
    if len(votes) == 1:
        _album_id, *columns = votes[0][: len(_VOTED) + 1]
        return dict(zip(_VOTED, columns, strict=True))
    return {
        column: elect((getattr(line, of_track), line.votes) for line in votes)
        for column, of_track in _VOTED.items()
    }


def _with_rips(connection: Connection, album_ids: Sequence[int]) -> list[int]:
    """These albums and the other rips of their releases, which are looked at together anyway."""
    releases = select(albums.c.mbid).where(albums.c.id.in_(album_ids), albums.c.mbid.is_not(None))
    # The 0 is written out so that SQLite sees the partial index.
    unnamed = albums.c.settled == literal_column("0")
    rips = select(albums.c.id).where(albums.c.mbid.in_(releases), unnamed)
    found = connection.execute(rips.order_by(albums.c.mbid, albums.c.id).limit(RIPS_MAX))
    return sorted({*album_ids, *found.scalars()})


def join_doubles(connection: Connection, album_ids: Sequence[int]) -> None:
    """Let tracks with less to tell them by join the album beside them.

    Among the albums of one title in one folder: one without a MusicBrainz id joins the only one
    with an id and the same artists, one whose artists have none the only one whose artists have;
    one that names no album artist joins the only one left.
    """
    done, changed = set(album_ids), set()
    for group in _same_place_and_title(connection, album_ids):
        done |= {album.id for album in group}
        for double, album in _doubles(group):
            join_album(connection, double.id, album.id)
            changed |= {double.id, album.id}
    _elect(connection, sorted(changed))
    connection.execute(update(albums).where(albums.c.id.in_(done)).values(settled=2))


def _doubles(group: Sequence[_Album]) -> Iterator[tuple[_Album, _Album]]:
    """Each double in a group, and the album that it joins."""
    left: list[_Album] = []
    for album in sorted(group, key=lambda album: -album.certainty):
        if album.certainty:
            surer = (other for other in left if other.certainty > album.certainty)
            same = [s for s in surer if name_key(s.artist) == name_key(album.artist)]
            if len(same) == 1 and not album.mbid:
                yield album, same[0]
            else:
                left.append(album)
        elif len(left) == 1:
            yield album, left[0]


def _same_place_and_title(connection: Connection, album_ids: Sequence[int]) -> list[list[_Album]]:
    """The groups of several albums, one of them of `album_ids`, in one release folder."""
    folder_of_album = tracks.join(files, files.c.id == tracks.c.file_id).join(folders)
    places = select(folders.c.release_hash).select_from(folder_of_album)
    places = places.where(tracks.c.album_id.in_(album_ids)).distinct()
    credits = album_artists.join(artists, artists.c.id == album_artists.c.artist_id)
    has_artist_ids = (
        select(album_artists.c.position)
        .select_from(credits)
        .where(album_artists.c.album_id == albums.c.id)
        .where(artists.c.mbid.is_not(None), ~album_artists.c.joined)
        .exists()
    )
    query = (
        select(
            folders.c.release_hash, albums.c.title_key, albums.c.id, albums.c.mbid,
            albums.c.has_album_artist, albums.c.artist, has_artist_ids,
        )
        .distinct()
        .select_from(folder_of_album.join(albums, albums.c.id == tracks.c.album_id))
        .where(folders.c.release_hash.in_(places), albums.c.title_key != "")
    )  # fmt: skip
    groups: dict[tuple[bytes, str], list[_Album]] = {}
    for place, title_key, *album in connection.execute(query):
        groups.setdefault((place, title_key), []).append(_Album(*album))
    return [group for group in groups.values() if len(group) > 1]


def _links(connection: Connection, lines: dict[int, list[Any]]) -> dict[int, list[_Link]]:
    """Album id -> its artists: as its tracks say, else those that all of them have in common."""
    credits = {}
    for album_id, votes in lines.items():
        told = ((tuple(line[-4:-1]) if line.album_artists else None, line.votes) for line in votes)
        elected = elect(told)
        if elected is not None:
            credits[album_id] = credits_of(*(json.loads(part) if part else () for part in elected))
    silent = [
        album_id
        for album_id, votes in lines.items()
        if album_id not in credits and not any(line.compilation for line in votes)
    ]
    credits |= _common_credits(connection, silent)
    rows = {
        artist_key(name_key(name), mbid): artist_values(name, mbid)
        for credit in credits.values()
        for name, mbid, _ in credit
    }
    ids = dict(zip(rows, ensure_rows(connection, artists, list(rows.values())), strict=True))
    return {
        album_id: [
            _Link(ids[artist_key(name_key(name), mbid)], name, sort_name)
            for name, mbid, sort_name in credit
        ]
        for album_id, credit in credits.items()
    }


def _common_credits(connection: Connection, album_ids: Sequence[int]) -> dict[int, list[_Credit]]:
    """The artists of those albums of which every track has the same ones."""
    columns = track_artists.c
    query = (
        select(
            tracks.c.album_id, tracks.c.id, columns.credited_name, columns.sort_name,
            columns.joined, artists.c.mbid,
        )
        .select_from(tracks.outerjoin(track_artists).outerjoin(artists))
        .where(tracks.c.album_id.in_(album_ids))
        .order_by(tracks.c.id, columns.position)
    )  # fmt: skip
    by_album: dict[int, dict[int, list[_Credit]]] = {}
    for album_id, track_id, name, sort_name, joined, mbid in connection.execute(query):
        credit = by_album.setdefault(album_id, {}).setdefault(track_id, [])
        if name is not None:
            credit.append((name, None if joined else mbid, sort_name))
    common = {}
    for album_id, by_track in by_album.items():
        names = {tuple(name_key(name) for name, _, _ in credit) for credit in by_track.values()}
        elected = elect((tuple(credit), 1) for credit in by_track.values())
        if len(names) == 1 and elected:
            common[album_id] = list(elected)
    return common


def _replace_links(
    connection: Connection, album_ids: Sequence[int], links: dict[int, list[_Link]]
) -> None:
    of_albums = album_artists.c.album_id.in_(album_ids)
    before = connection.execute(select(album_artists.c.artist_id).where(of_albums)).scalars().all()
    connection.execute(delete(album_artists).where(of_albums))
    rows = [
        {"album_id": album_id, "position": position, **link._asdict()}
        for album_id, credit in links.items()
        for position, link in enumerate(credit)
    ]
    if rows:
        connection.execute(insert(album_artists), rows)
    unsettle(connection, artists, {*before, *(row["artist_id"] for row in rows)})
