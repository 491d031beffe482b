"""Looking at what is stored: totals, a search, one album, one artist.  Nothing is changed.

A search compares every row of a narrow table: about 0.1 s with 200,000 tracks, on either database.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    FromClause,
    RowMapping,
    Select,
    and_,
    case,
    func,
    literal,
    select,
    union,
)

from wire.answers import (
    PATH_CHARS,
    ROWS_MAX,
    TEXT_CHARS,
    Album,
    AlbumDetail,
    Artist,
    ArtistDetail,
    Detail,
    Found,
    Kind,
    Listed,
    Overview,
    Search,
    Track,
)
from wire.outcomes import PROBLEMS
from worker.catalog.folding import fold, words_of
from worker.catalog.schema import (
    album_artists,
    albums,
    artists,
    files,
    folders,
    genres,
    roots,
    search_texts,
    track_artists,
    tracks,
)
from worker.catalog.store import Catalog

#: Albums that were added last, in an overview.
RECENT = 12
#: Rows of each kind when all kinds are asked for; tracks get what is left.
FIRST_OF_EACH = 10

_NO_NUMBER = 2**31
_ALBUM = select(
    albums,
    select(func.count())
    .where(tracks.c.album_id == albums.c.id)
    .scalar_subquery()
    .label("n_tracks"),
    select(func.sum(tracks.c.duration_seconds))
    .where(tracks.c.album_id == albums.c.id)
    .scalar_subquery()
    .label("duration"),
)


def _rows(source: FromClause) -> Select[Any]:
    """Files of `source`, which joins them with their tracks, and all that a row shows."""
    shown = (
        "title", "artist", "album", "album_id", "disc_number", "track_number",
        "duration_seconds", "format",
    )  # fmt: skip
    columns = (tracks.c.id.label("track_id"), *(tracks.c[name] for name in shown))
    query = select(files, roots.c.display.label("root"), *columns)
    return query.select_from(source.join(folders).join(roots))


_FILE, _TRACK = _rows(files.outerjoin(tracks)), _rows(files.join(tracks))


def overview(catalog: Catalog) -> Overview:
    """Totals, and the albums that were added last."""
    is_there = files.c.missing_since.is_(None)
    problem = func.sum(case((files.c.outcome.in_(PROBLEMS), 1), else_=0))
    of_files = select(func.count(), func.sum(files.c.size), problem).where(is_there)
    of_tracks = select(func.count(), func.sum(tracks.c.duration_seconds))
    with catalog.read() as connection:
        n_files, size_bytes, problems = connection.execute(of_files).one()
        n_tracks, seconds = connection.execute(
            of_tracks.select_from(tracks.join(files)).where(is_there)
        ).one()
        newest = connection.execute(_ALBUM.order_by(albums.c.id.desc()).limit(RECENT)).mappings()
        return Overview(
            at=time.time(),
            artists=_count(connection, artists),
            albums=_count(connection, albums),
            genres=_count(connection, genres),
            tracks=n_tracks,
            files=n_files,
            missing=_count(connection, files) - n_files,
            problems=int(problems or 0),
            duration_seconds=float(seconds or 0.0),
            size_bytes=int(size_bytes or 0),
            recent=tuple(_album(row) for row in newest),
        )


def search(catalog: Catalog, question: Search) -> Found:
    """The rows that hold every word, the best first; without words all, in order."""
    words = words_of(question.text)
    with catalog.read() as connection:
        lists: dict[str, Listed] = {}
        for kind in Kind if question.kind is None else (question.kind,):
            limit, offset = question.limit, question.offset
            if question.kind is None:
                rest = max(ROWS_MAX - 2 * FIRST_OF_EACH, 1)
                limit, offset = min(limit, rest if kind is Kind.TRACKS else FIRST_OF_EACH), 0
            total, ids = _find(connection, kind, words, limit, offset)
            lists[kind] = _listed(connection, kind, total, ids)
    return Found(**lists)


def album(catalog: Catalog, question: Detail) -> AlbumDetail:
    """An album with its artists and tracks, in the order of discs and numbers."""
    columns = tracks.c
    order = (
        func.coalesce(columns.disc_number, 0),
        func.coalesce(columns.track_number, _NO_NUMBER),
        files.c.path_display,
        files.c.id,
    )
    with catalog.read() as connection:
        row = connection.execute(_ALBUM.where(albums.c.id == question.id)).mappings().first()
        if row is None:
            return AlbumDetail()
        credited = select(album_artists.c.artist_id).where(album_artists.c.album_id == question.id)
        ids = connection.execute(credited.order_by(album_artists.c.position).limit(ROWS_MAX))
        inside = _TRACK.where(columns.album_id == question.id).order_by(*order)
        return AlbumDetail(
            album=_album(row),
            artists=_artists(connection, list(dict.fromkeys(ids.scalars()))),
            tracks=Listed(row["n_tracks"], tracks=_tracks(connection, inside, question)),
        )


def artist(catalog: Catalog, question: Detail) -> ArtistDetail:
    """An artist with the albums it is on by date, and its tracks that belong to no album."""
    with catalog.read() as connection:
        known = _artists(connection, [question.id])
        if not known:
            return ArtistDetail()
        on = _albums_of([question.id]).subquery()
        of_artist = _ALBUM.where(albums.c.id.in_(select(on.c.album_id)))
        in_order = of_artist.order_by(
            func.coalesce(albums.c.date, ""), albums.c.title_key, albums.c.id
        )
        rows = connection.execute(in_order.limit(question.limit).offset(question.offset))
        mine = select(track_artists.c.track_id).where(track_artists.c.artist_id == question.id)
        is_loose = tracks.c.id.in_(mine) & tracks.c.album_id.is_(None)
        loose = _TRACK.where(is_loose).order_by(files.c.path_display, files.c.id)
        n_loose = select(func.count()).select_from(tracks).where(is_loose)
        return ArtistDetail(
            artist=known[0],
            albums=Listed(known[0].albums, albums=tuple(_album(row) for row in rows.mappings())),
            loose=Listed(
                connection.execute(n_loose).scalar_one(),
                tracks=_tracks(connection, loose, question),
            ),
        )


#: kind -> id, the table of it, and the order in which all rows are listed.
_ALL: dict[Kind, tuple[ColumnElement[int], FromClause, tuple[ColumnElement[Any], ...]]] = {
    Kind.ARTISTS: (artists.c.id, artists, (artists.c.name_key, artists.c.id)),
    Kind.ALBUMS: (albums.c.id, albums, (albums.c.title_key, albums.c.id)),
    Kind.TRACKS: (files.c.id, files, (files.c.id.desc(),)),
}


def _find(
    connection: Connection, kind: Kind, words: Sequence[str], limit: int, offset: int
) -> tuple[int, list[int]]:
    """How many rows hold `words`, and the ids of one page of them."""
    if not words:
        key, total, order = _ALL[kind]
        page = select(key).order_by(*order).limit(limit).offset(offset)
        return _count(connection, total), list(connection.execute(page).scalars())
    if kind is Kind.TRACKS:
        return _find_files(connection, words, limit, offset)
    return _find_named(connection, kind, words, limit, offset)


def _find_files(
    connection: Connection, words: Sequence[str], limit: int, offset: int
) -> tuple[int, list[int]]:
    columns, phrase = search_texts.c, " ".join(words)
    has_all = and_(*(columns.text.contains(word, autoescape=True) for word in words))
    rank = case(
        (columns.text.startswith(phrase + "\n", autoescape=True), 0),  # the whole title
        (columns.text.startswith(phrase, autoescape=True), 1),
        else_=2,
    )
    total = select(func.count()).select_from(search_texts).where(has_all)
    best = select(columns.id).where(has_all).order_by(rank, columns.text, columns.id)
    ids = connection.execute(best.limit(limit).offset(offset)).scalars()
    return connection.execute(total).scalar_one(), list(ids)


def _find_named(
    connection: Connection, kind: Kind, words: Sequence[str], limit: int, offset: int
) -> tuple[int, list[int]]:
    """Artists and albums are few and their names change: they are folded on the way."""
    query = (
        select(artists.c.id, artists.c.name_key, literal(""))
        if kind is Kind.ARTISTS
        else select(albums.c.id, albums.c.title_key, albums.c.artist)
    )
    phrase = " ".join(words)
    found = []
    for row_id, key, more in connection.execute(query):
        name = fold(key)
        text = f"{name}\n{fold(more)}"
        if all(word in text for word in words):
            rank = 0 if name == phrase else 1 if name.startswith(phrase) else 2
            found.append((rank, name, row_id))
    found.sort()
    return len(found), [row_id for _, _, row_id in found[offset : offset + limit]]


def _listed(connection: Connection, kind: Kind, total: int, ids: Sequence[int]) -> Listed:
    """The rows of `ids`, in that order."""
    if kind is Kind.ARTISTS:
        return Listed(total, artists=_artists(connection, ids))
    if kind is Kind.ALBUMS:
        query, make = _ALBUM.where(albums.c.id.in_(ids)), _album
        by_id = {row["id"]: make(row) for row in connection.execute(query).mappings()}
        return Listed(total, albums=tuple(by_id[i] for i in ids if i in by_id))
    rows = connection.execute(_FILE.where(files.c.id.in_(ids))).mappings()
    files_by_id = {row["id"]: _track(row) for row in rows}
    return Listed(total, tracks=tuple(files_by_id[i] for i in ids if i in files_by_id))


def _albums_of(artist_ids: Sequence[int]) -> CompoundSelect[Any]:
    """Pairs of an artist and an album it is on, each once."""
    credited = select(album_artists.c.artist_id, album_artists.c.album_id)
    playing = select(track_artists.c.artist_id, tracks.c.album_id).join(
        tracks, tracks.c.id == track_artists.c.track_id
    )
    return union(
        credited.where(album_artists.c.artist_id.in_(artist_ids)),
        playing.where(track_artists.c.artist_id.in_(artist_ids), tracks.c.album_id.is_not(None)),
    )


def _artists(connection: Connection, ids: Sequence[int]) -> tuple[Artist, ...]:
    """The artists of `ids`, in that order, with their counts."""
    pairs = _albums_of(ids).subquery()
    by_artist = select(pairs.c.artist_id, func.count()).group_by(pairs.c.artist_id)
    n_albums = _numbers(connection, by_artist)
    of_tracks = select(
        track_artists.c.artist_id, func.count(track_artists.c.track_id.distinct())
    ).where(track_artists.c.artist_id.in_(ids))
    grouped = of_tracks.group_by(track_artists.c.artist_id)
    n_tracks = _numbers(connection, grouped)
    rows = connection.execute(select(artists).where(artists.c.id.in_(ids))).mappings()
    found = {
        row["id"]: Artist(
            id=row["id"],
            name=_cut(row["name"]),
            sort_name=_cut(row["sort_name"]),
            mbid=_cut(row["mbid"]),
            albums=n_albums.get(row["id"], 0),
            tracks=n_tracks.get(row["id"], 0),
        )
        for row in rows
    }
    return tuple(found[i] for i in ids if i in found)


def _tracks(connection: Connection, query: Select[Any], page: Detail) -> tuple[Track, ...]:
    rows = connection.execute(query.limit(page.limit).offset(page.offset)).mappings()
    return tuple(_track(row) for row in rows)


def _album(row: RowMapping) -> Album:
    return Album(
        id=row["id"],
        title=_cut(row["title"]),
        artist=_cut(row["artist"]),
        date=_cut(row["date"]),
        label=_cut(row["label"]),
        mbid=_cut(row["mbid"]),
        compilation=row["compilation"],
        tracks=row["n_tracks"],
        duration_seconds=float(row["duration"] or 0.0),
    )


def _track(row: RowMapping) -> Track:
    return Track(
        file_id=row["id"],
        path=_cut(row["path_display"], PATH_CHARS),
        root=_cut(row["root"], PATH_CHARS),
        title=_cut(row["title"]),
        artist=_cut(row["artist"]),
        album=_cut(row["album"]),
        album_id=row["album_id"],
        disc_number=row["disc_number"],
        track_number=row["track_number"],
        duration_seconds=row["duration_seconds"],
        format=_cut(row["format"]),
        has_tags=row["track_id"] is not None,
        outcome=row["outcome"],
        error_class=_cut(row["error_class"]),
        message=_cut(row["error_message"]),
        scan_id=row["last_read_scan_id"],
        missing_since=row["missing_since"],
    )


def _numbers(connection: Connection, query: Select[Any]) -> dict[int, int]:
    """The rows of two columns as a mapping."""
    return {int(key): int(number) for key, number in connection.execute(query)}


def _count(connection: Connection, table: FromClause) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _cut(text: str | None, chars: int = TEXT_CHARS) -> str:
    text = text or ""
    return text if len(text) <= chars else text[: chars - 1] + "…"
