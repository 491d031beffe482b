"""The content of a catalog without its ids and times: two scans of one folder give the same."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

#: Columns that hold an id, or the time or the scan that wrote the row.
VARYING = {
    "id", "folder_id", "file_id", "album_id", "first_file_id", "last_file_id", "last_read_scan_id",
    "settled", "release_hash",
}  # fmt: skip

_FILE = "(SELECT path_display FROM files WHERE files.id = tracks.file_id)"
_ARTIST = "(SELECT hex(key) || name FROM artists WHERE artists.id = artist_id)"
_ALBUM = "(SELECT hex(key) || title FROM albums WHERE albums.id = album_id)"
QUERIES = (
    "SELECT 'file' AS kind, * FROM files",
    "SELECT 'folder' AS kind, * FROM folders",
    "SELECT 'artist' AS kind, * FROM artists",
    "SELECT 'album' AS kind, * FROM albums",
    "SELECT 'genre' AS kind, * FROM genres",
    f"SELECT 'track' AS kind, {_FILE} AS file, {_ALBUM} AS of_album, * FROM tracks",
    f"""SELECT 'track artist' AS kind, {_FILE} AS file, position, {_ARTIST} AS artist,
        credited_name FROM track_artists JOIN tracks ON tracks.id = track_id""",
    f"""SELECT 'album artist' AS kind, {_ALBUM} AS album, position, {_ARTIST} AS artist,
        credited_name FROM album_artists""",
    f"""SELECT 'track genre' AS kind, {_FILE} AS file, position, hex(genres.key) AS genre,
        written_name FROM track_genres JOIN tracks ON tracks.id = track_id
        JOIN genres ON genres.id = genre_id""",
)


def canonical_dump(data: Path) -> list[str]:
    """One line a file, folder, artist, album, genre, track and credit, sorted."""
    with closing(sqlite3.connect(data / "library.db", timeout=20)) as db:
        db.row_factory = sqlite3.Row
        return sorted(line for query in QUERIES for line in map(_line, db.execute(query)))


def _line(row: sqlite3.Row) -> str:
    return repr({key: row[key] for key in row.keys() if key not in VARYING})  # noqa: SIM118
