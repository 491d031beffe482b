"""The tables of the catalog; `docs/catalog.md` explains them, `migrations/` creates them.

Times are epoch seconds.  Paths are bytes, relative to their root; because a path may be longer
than an index entry, a digest of it is what is unique.  Lists are JSON text, empty ones NULL.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

#: The migration that makes a database look like this.
VERSION = "0007"

metadata = MetaData()
#: SQLite gives row ids only to a column declared INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=False)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=false())


def _to(target: str, name: str, *, nullable: bool = False, **options: Any) -> Column[int]:
    return Column(name, Id, ForeignKey(target), nullable=nullable, **options)


def _only(condition: str) -> dict[str, Any]:
    """The options of an index over the rows where `condition` holds.

    SQLite takes it up only for a query that says the same, in the same words.
    """
    on_sqlite = condition.replace("true", "1")
    return {"sqlite_where": text(on_sqlite), "postgresql_where": text(condition)}


#: The last id given out for each table: an id is never given twice, even after a deletion.
ids = Table("ids", metadata, Column("name", Text, primary_key=True), _count("last"))

# --- the library -----------------------------------------------------------------------------

roots = Table(
    "roots",
    metadata,
    Column("id", Text, primary_key=True),  #: see `wire.roots`
    Column("path", LargeBinary, nullable=False),
    _text("display"),
    Column("mounted", Boolean),  #: on another file system than /; NULL: never walked
)

folders = Table(
    "folders",
    metadata,
    _id(),
    Column("root_id", Text, ForeignKey("roots.id"), nullable=False),
    Column("path", LargeBinary, nullable=False),
    Column("path_hash", LargeBinary, nullable=False),
    #: Digest of the folder that holds the whole release: the parent of CD1, CD2, …
    Column("release_hash", LargeBinary, nullable=False),
    Column("digest", LargeBinary),  #: of its files; NULL until each of them is settled
    _count("files"),  #: when the digest was taken
    _count("problems"),  #: likewise
    Column("first_file_id", Id),  #: their ids, if those are one run; NULL: look them up
    Column("last_file_id", Id),
    UniqueConstraint("root_id", "path_hash"),
    Index("folders_release", "release_hash"),
)

files = Table(
    "files",
    metadata,
    _id(),
    _to("folders.id", "folder_id"),
    Column("name", LargeBinary, nullable=False),
    _text("path_display"),
    _count("size"),
    _count("mtime_ns"),
    _count("ctime_ns"),
    _text("outcome"),  #: of the scan that read it last
    _text("error_class"),
    _text("error_message"),
    Column("flags", Text),
    _flag("retry"),  #: read it again even when it has not changed
    Column("missing_since", Float),
    _text("last_read_scan_id"),
    UniqueConstraint("folder_id", "name"),
)

#: What a file is found by: see `folding.py`.  Apart from the file, so that a search reads little.
search_texts = Table(
    "search_texts",
    metadata,
    Column(
        "id", Id, ForeignKey("files.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    ),
    _text("text"),
)

artists = Table(
    "artists",
    metadata,
    _id(),
    Column("key", LargeBinary, nullable=False, unique=True),  #: digest of what identifies it
    _text("name"),
    _text("name_key"),
    Column("sort_name", Text),
    Column("mbid", Text),
    Column("settled", SmallInteger, nullable=False, server_default="0"),  #: see `settle.py`
    Index("artists_name_key", "name_key"),
)

albums = Table(
    "albums",
    metadata,
    _id(),
    Column("key", LargeBinary, nullable=False, unique=True),
    _text("title"),
    _text("title_key"),
    Column("title_sort", Text),
    _text("artist"),  #: its artists as credited, joined by "; "
    Column("mbid", Text),
    Column("release_group_mbid", Text),
    Column("date", Text),
    Column("original_date", Text),
    Column("disc_total", BigInteger),
    _flag("compilation"),
    Column("label", Text),
    Column("catalog_number", Text),
    Column("barcode", Text),
    _flag("has_album_artist"),  #: its album artists tell it from others
    Column("settled", SmallInteger, nullable=False, server_default="0"),
    Index("albums_title_key", "title_key"),
    Index("albums_mbid", "mbid"),
)

genres = Table(
    "genres",
    metadata,
    _id(),
    Column("key", LargeBinary, nullable=False, unique=True),
    _text("name"),
    Column("settled", SmallInteger, nullable=False, server_default="0"),
)

for _table in (artists, albums, genres):
    Index(f"{_table.name}_unsettled", _table.c.settled, **_only("settled < 2"))

tracks = Table(
    "tracks",
    metadata,
    _id(),
    _to("files.id", "file_id", unique=True),
    _to("albums.id", "album_id", nullable=True, index=True),
    _flag("joined"),  #: the album is not the one it tells itself: see `joining.py`
    Column("title", Text),
    Column("title_sort", Text),
    Column("artist", Text),  #: its artists as credited, joined by "; "
    Column("album", Text),
    Column("album_sort", Text),
    Column("album_artists", Text),
    Column("album_artist_sorts", Text),
    Column("composers", Text),
    Column("track_number", BigInteger),
    Column("track_total", BigInteger),
    Column("disc_number", BigInteger),
    Column("disc_total", BigInteger),
    Column("date", Text),
    Column("original_date", Text),
    _flag("compilation"),
    Column("label", Text),
    Column("catalog_number", Text),
    Column("barcode", Text),
    Column("comment", Text),
    _flag("has_lyrics"),
    Column("bpm", Float),
    Column("key", Text),
    Column("isrcs", Text),
    Column("encoder", Text),
    Column("mb_recording_id", Text),
    Column("mb_track_id", Text),
    Column("mb_release_id", Text),
    Column("mb_release_group_id", Text),
    Column("mb_artist_ids", Text),
    Column("mb_album_artist_ids", Text),
    Column("acoustid_id", Text),
    Column("replaygain_track_gain_db", Float),
    Column("replaygain_track_peak", Float),
    Column("replaygain_album_gain_db", Float),
    Column("replaygain_album_peak", Float),
    _count("cover_count"),
    Column("cover_kinds", Text),
    _count("cover_bytes"),
    Column("format", Text),
    Column("codec", Text),
    Column("duration_seconds", Float),
    Column("bitrate_bps", BigInteger),
    Column("sample_rate_hz", BigInteger),
    Column("channels", BigInteger),
    Column("bit_depth", BigInteger),
)

track_artists = Table(
    "track_artists",
    metadata,
    _to("tracks.id", "track_id", primary_key=True),
    Column("position", Integer, primary_key=True),
    _to("artists.id", "artist_id", index=True),
    _text("credited_name"),
    Column("sort_name", Text),
    _flag("joined"),  #: the artist has an id, the credit has none
    sqlite_with_rowid=False,
)

album_artists = Table(
    "album_artists",
    metadata,
    _to("albums.id", "album_id", primary_key=True),
    Column("position", Integer, primary_key=True),
    _to("artists.id", "artist_id", index=True),
    _text("credited_name"),
    Column("sort_name", Text),
    _flag("joined"),  #: the artist has an id, the credit has none
    sqlite_with_rowid=False,
)

track_genres = Table(
    "track_genres",
    metadata,
    _to("tracks.id", "track_id", primary_key=True),
    Column("position", Integer, primary_key=True),
    _to("genres.id", "genre_id", index=True),
    _text("written_name"),
    sqlite_with_rowid=False,
)

Index("tracks_joined", tracks.c.album_id, **_only("joined = true"))
for _table in (track_artists, album_artists):
    Index(f"{_table.name}_joined", _table.c.artist_id, **_only("joined = true"))

# --- the journal -----------------------------------------------------------------------------


def _lease() -> list[Column[str] | Column[float]]:
    """Who works on a row and until when: see `clock.py`."""
    return [_text("lease_owner"), _text("lease_boot"), Column("lease_until", Float)]


scans = Table(
    "scans",
    metadata,
    Column("id", Text, primary_key=True),
    Column("root_id", Text, ForeignKey("roots.id"), nullable=False),
    Column("folder", LargeBinary, nullable=False),  #: the part of the root, b"" = all
    _text("mode"),
    _text("requested_by"),
    Column("requested_at", Float, nullable=False),
    _flag("mark_anyway"),  #: mark missing files even when suspiciously many are gone
    _count("would_mark"),  #: files that it refused to mark missing
    _text("state"),
    _flag("active"),  #: the state is not a final one
    _text("reason"),
    _text("paused_by"),  #: who asked, "" = not paused
    _text("stopped_by"),  #: likewise
    _count("revision"),
    Column("started_at", Float),
    Column("discovered_at", Float),
    Column("finished_at", Float),
    Column("updated_at", Float, nullable=False),
    _count("walk_attempts"),
    _flag("walk_done"),
    _flag("walk_broken"),  #: something could not be listed: nothing may be marked missing
    Column("unlisted", Text),  #: folders below which nothing is known
    _flag("missing_collected"),  #: `scan_missing` is complete
    _count("files_found"),
    _count("unchanged"),
    _count("folders_found"),
    _count("other_files"),
    _count("known_problems"),
    _count("bytes_read"),
    _count("sends"),
    _text("epoch"),
    *_lease(),  #: of the walk, then of finishing
)
Index("scans_one_active", scans.c.root_id, unique=True, **_only("active = true"))
Index("scans_requested", scans.c.requested_at)

batches = Table(
    "batches",
    metadata,
    _id(),
    Column("scan_id", Text, ForeignKey("scans.id"), nullable=False),
    _text("stage"),
    _text("state"),  #: pending, sent, running, done, cancelled
    _count("n_files"),
    Column("files", LargeBinary),  #: see `filelist.py`; NULL once done
    _count("attempts"),
    _count("sends"),
    _count("fence"),  #: grows with every claim
    _text("epoch"),  #: which contents of Redis its message lies in
    *_lease(),
    Column("current_path", LargeBinary),  #: the file that is being read
    Column("deaths", Text),  #: JSON: path -> processes that died while they read it
    Index("batches_scan_state", "scan_id", "state"),
)

scan_folders = Table(
    "scan_folders",
    metadata,
    Column("scan_id", Text, ForeignKey("scans.id"), primary_key=True),
    _to("folders.id", "folder_id", primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    _count("files"),
    sqlite_with_rowid=False,
)

#: Files that a scan did not find and has not dealt with yet.
scan_missing = Table(
    "scan_missing",
    metadata,
    Column("scan_id", Text, ForeignKey("scans.id"), primary_key=True),
    _to("files.id", "file_id", primary_key=True),
    _to("files.id", "found_as_id", nullable=True),  #: the new file that it became
    sqlite_with_rowid=False,
)

outcomes = Table(
    "outcomes",
    metadata,
    _id(),
    Column("scan_id", Text, ForeignKey("scans.id"), nullable=False),
    Column("file_id", Id),  #: NULL for a folder; may outlive the file
    Column("path", LargeBinary, nullable=False),
    _text("outcome"),
    _text("error_class"),
    _text("message"),
    _count("size_bytes"),
    Column("at", Float, nullable=False),
    _flag("problem"),  #: the outcome is one of `wire.outcomes.PROBLEMS`
)
Index("outcomes_problems", outcomes.c.scan_id, outcomes.c.id, **_only("problem = true"))

#: Files of a scan that had not changed, as runs of ids: see `unchanged.py`.
unchanged = Table(
    "unchanged",
    metadata,
    Column("scan_id", Text, ForeignKey("scans.id"), primary_key=True),
    Column("first_file_id", Id, primary_key=True, autoincrement=False),
    Column("last_file_id", Id, nullable=False),
    sqlite_with_rowid=False,
)

tallies = Table(
    "tallies",
    metadata,
    Column("scan_id", Text, ForeignKey("scans.id"), primary_key=True),
    Column("kind", Text, primary_key=True),  #: outcome, format, reason
    Column("name", Text, primary_key=True),  #: a reason is "outcome:error class"
    _count("files"),
    sqlite_with_rowid=False,
)

#: What tasks carried, in characters of JSON, `wire` and `result` in bytes: see `sizes.py`.
size_days = Table(
    "size_days",
    metadata,
    Column("day", Text, primary_key=True),  #: UTC, `2026-11-21`
    Column("task", Text, primary_key=True),
    *map(_count, ("analysed", "cut", "not_json", "args_sum", "args_max", "kwargs_sum")),
    *map(_count, ("kwargs_max", "wire_max", "result_max")),
    sqlite_with_rowid=False,
)
