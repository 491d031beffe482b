"""Forgetting missing files: what would go, and letting it go.  Never a file that is there.

1. Only what is marked missing since a given moment goes; what comes back meanwhile stays, and
   nothing that goes missing later is taken: so what goes is at most what was shown before.
2. Nothing goes while its root is being scanned: every step looks again.
3. Every step is a small transaction.  A purge that died is begun again, and goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, exists, func, or_, select

from wire.missing import MissingFile, MissingFiles, MissingQuestion
from worker.catalog.schema import (
    album_artists,
    albums,
    artists,
    files,
    folders,
    roots,
    scan_missing,
    scans,
    track_artists,
    tracks,
)
from worker.catalog.settle import settle
from worker.catalog.storage import forget_tracks
from worker.catalog.store import Catalog

#: Files that go in one transaction.
PURGE_CHUNK = 200
PATH_CHARS = 600

_FILES = files.join(folders).join(roots)
_TRACKS = tracks.join(files).join(folders)


@dataclass(frozen=True, slots=True)
class Purged:
    """What went.  `scanned`: a scan of that root (display text) began, so the rest stays."""

    files: int
    scanned: str = ""


class BusyError(Exception):
    """A root concerned is being scanned: its display text."""


def preview(catalog: Catalog, question: MissingQuestion) -> MissingFiles:
    """What `purge` would delete."""
    gone = _is_gone(question)
    counted = select(
        func.count(),
        func.sum(files.c.size),
        *(f(files.c.missing_since) for f in (func.min, func.max)),
    )
    with catalog.read() as connection:
        count, size, oldest, newest = connection.execute(
            counted.select_from(_FILES).where(gone)
        ).one()
        n_tracks = select(func.count()).select_from(_TRACKS).where(gone)
        return MissingFiles(
            files=count,
            tracks=connection.execute(n_tracks).scalar_one(),
            albums=_albums_left_empty(connection, gone),
            artists=_artists_left_empty(connection, gone),
            size_bytes=int(size or 0),
            oldest=oldest,
            newest=newest,
            scanned=_scanned(connection, question.root_id),
            first=_first(connection, gone, question.limit),
        )


def purge(catalog: Catalog, question: MissingQuestion) -> Purged:
    """Delete the files, their tracks, and the albums, artists and genres nothing is left of."""
    purging = _Purging(catalog, question.root_id)
    query = select(files.c.id).select_from(_FILES).where(_is_gone(question), ~_is_found())
    query = query.order_by(files.c.id).limit(PURGE_CHUNK)
    count = 0
    try:
        while True:
            with purging.step() as (connection, _):
                file_ids = connection.execute(query).scalars().all()
                if not file_ids:
                    break
                _forget(connection, file_ids)
            count += len(file_ids)
        settle(purging)
    except BusyError as error:
        # What lost its last track is settled when that scan ends.
        return Purged(count, str(error))
    return Purged(count)


class _Purging:
    """The transactions of a purge, for as long as nobody scans."""

    def __init__(self, catalog: Catalog, root_id: str) -> None:
        self._catalog, self._root_id = catalog, root_id

    @contextmanager
    def step(self) -> Iterator[tuple[Connection, None]]:
        with self._catalog.write() as connection:
            scanned = _scanned(connection, self._root_id)
            if scanned:
                raise BusyError(scanned)
            yield connection, None


def _forget(connection: Connection, file_ids: Sequence[int]) -> None:
    of_files = select(tracks.c.id).where(tracks.c.file_id.in_(file_ids))
    forget_tracks(connection, connection.execute(of_files).scalars().all())
    where = select(files.c.folder_id).distinct().where(files.c.id.in_(file_ids))
    folder_ids = connection.execute(where).scalars().all()
    connection.execute(delete(files).where(files.c.id.in_(file_ids)))
    is_empty = ~exists().where(files.c.folder_id == folders.c.id)
    connection.execute(delete(folders).where(folders.c.id.in_(folder_ids), is_empty))


def _is_gone(question: MissingQuestion) -> ColumnElement[bool]:
    """Of a file joined with its folder; true or false, never NULL."""
    gone = files.c.missing_since.is_not(None) & (files.c.missing_since <= question.before)
    return gone & (folders.c.root_id == question.root_id) if question.root_id else gone


def _is_found() -> ColumnElement[bool]:
    """Of a file: the scan of another root has just found it there (see `moves.py`)."""
    return files.c.id.in_(select(scan_missing.c.file_id))


def _scanned(connection: Connection, root_id: str) -> str:
    query = select(roots.c.display).join(scans).where(scans.c.active)
    if root_id:
        query = query.where(roots.c.id == root_id)
    return connection.execute(query.order_by(roots.c.id).limit(1)).scalar() or ""


def _albums_left_empty(connection: Connection, gone: ColumnElement[bool]) -> int:
    losing = select(tracks.c.album_id).select_from(_TRACKS).where(gone)
    keeps = select(tracks.c.id).select_from(_TRACKS)
    keeps = keeps.where(tracks.c.album_id == albums.c.id, ~gone)
    query = select(func.count()).where(albums.c.id.in_(losing), ~keeps.correlate(albums).exists())
    return connection.execute(query).scalar_one()


def _artists_left_empty(connection: Connection, gone: ColumnElement[bool]) -> int:
    """Artists of tracks or albums that go, who are on no track or album that stays."""
    playing = _TRACKS.join(track_artists, track_artists.c.track_id == tracks.c.id)
    credited = _TRACKS.join(album_artists, album_artists.c.album_id == tracks.c.album_id)
    losing, keeping = [], []
    for source, artist_id in (
        (playing, track_artists.c.artist_id),
        (credited, album_artists.c.artist_id),
    ):
        losing.append(artists.c.id.in_(select(artist_id).select_from(source).where(gone)))
        keeps = select(artist_id).select_from(source)
        keeps = keeps.where(artist_id == artists.c.id, ~gone)
        keeping.append(~keeps.correlate(artists).exists())
    query = select(func.count()).select_from(artists).where(or_(*losing), *keeping)
    return connection.execute(query).scalar_one()


def _first(
    connection: Connection, gone: ColumnElement[bool], limit: int
) -> tuple[MissingFile, ...]:
    columns = files.c
    query = select(columns.path_display, roots.c.display, columns.missing_since, columns.size)
    query = query.select_from(_FILES).where(gone)
    rows = connection.execute(query.order_by(columns.missing_since, columns.id).limit(limit))
    return tuple(
        MissingFile(path[:PATH_CHARS], root[:PATH_CHARS], since, size)
        for path, root, since, size in rows
    )
