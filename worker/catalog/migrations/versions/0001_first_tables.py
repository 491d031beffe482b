"""The first tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NUMBERED = ("folders", "files", "artists", "albums", "genres", "tracks", "batches", "outcomes")


def upgrade() -> None:
    """Create everything in an empty database."""
    _library()
    _tracks()
    _journal()
    ids = sa.table("ids", sa.column("name"), sa.column("last"))
    op.bulk_insert(ids, [{"name": name, "last": 0} for name in NUMBERED])


def only(condition: str) -> dict[str, Any]:
    """The options of an index over the rows where `condition` holds."""
    on_sqlite = condition.replace("true", "1")
    return {"sqlite_where": sa.text(on_sqlite), "postgresql_where": sa.text(condition)}


def _library() -> None:
    op.create_table(
        "roots",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("display", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "folders",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("root_id", sa.Text(), nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("path_hash", sa.LargeBinary(), nullable=False),
        sa.Column("release_hash", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary()),
        sa.Column("files", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("problems", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["root_id"],
            ["roots.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("root_id", "path_hash"),
    )
    op.create_index("folders_release", "folders", ["release_hash"])
    op.create_table(
        "files",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("folder_id", ID, nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("path_display", sa.Text(), server_default="", nullable=False),
        sa.Column("size", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("ctime_ns", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("error_class", sa.Text(), server_default="", nullable=False),
        sa.Column("error_message", sa.Text(), server_default="", nullable=False),
        sa.Column("flags", sa.Text()),
        sa.Column("retry", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("missing_since", sa.Float()),
        sa.Column("last_read_scan_id", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["folder_id"],
            ["folders.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("folder_id", "name"),
    )
    op.create_table(
        "artists",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("name_key", sa.Text(), server_default="", nullable=False),
        sa.Column("sort_name", sa.Text()),
        sa.Column("mbid", sa.Text()),
        sa.Column("settled", sa.SmallInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("artists_name_key", "artists", ["name_key"])
    op.create_index("artists_unsettled", "artists", ["settled"], **only("settled < 2"))
    op.create_table(
        "albums",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("title_key", sa.Text(), server_default="", nullable=False),
        sa.Column("title_sort", sa.Text()),
        sa.Column("artist", sa.Text(), server_default="", nullable=False),
        sa.Column("mbid", sa.Text()),
        sa.Column("release_group_mbid", sa.Text()),
        sa.Column("date", sa.Text()),
        sa.Column("original_date", sa.Text()),
        sa.Column("disc_total", sa.BigInteger()),
        sa.Column("compilation", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("label", sa.Text()),
        sa.Column("catalog_number", sa.Text()),
        sa.Column("barcode", sa.Text()),
        sa.Column("has_album_artist", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("settled", sa.SmallInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("albums_title_key", "albums", ["title_key"])
    op.create_index("albums_unsettled", "albums", ["settled"], **only("settled < 2"))
    op.create_table(
        "genres",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("settled", sa.SmallInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("genres_unsettled", "genres", ["settled"], **only("settled < 2"))
    op.create_table(
        "ids",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("last", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _tracks() -> None:
    op.create_table(
        "tracks",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("file_id", ID, nullable=False),
        sa.Column("album_id", ID),
        sa.Column("title", sa.Text()),
        sa.Column("title_sort", sa.Text()),
        sa.Column("artist", sa.Text()),
        sa.Column("album", sa.Text()),
        sa.Column("album_sort", sa.Text()),
        sa.Column("album_artists", sa.Text()),
        sa.Column("album_artist_sorts", sa.Text()),
        sa.Column("composers", sa.Text()),
        sa.Column("track_number", sa.BigInteger()),
        sa.Column("track_total", sa.BigInteger()),
        sa.Column("disc_number", sa.BigInteger()),
        sa.Column("disc_total", sa.BigInteger()),
        sa.Column("date", sa.Text()),
        sa.Column("original_date", sa.Text()),
        sa.Column("compilation", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("label", sa.Text()),
        sa.Column("catalog_number", sa.Text()),
        sa.Column("barcode", sa.Text()),
        sa.Column("comment", sa.Text()),
        sa.Column("has_lyrics", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("bpm", sa.Float()),
        sa.Column("key", sa.Text()),
        sa.Column("isrcs", sa.Text()),
        sa.Column("encoder", sa.Text()),
        sa.Column("mb_recording_id", sa.Text()),
        sa.Column("mb_track_id", sa.Text()),
        sa.Column("mb_release_id", sa.Text()),
        sa.Column("mb_release_group_id", sa.Text()),
        sa.Column("mb_artist_ids", sa.Text()),
        sa.Column("mb_album_artist_ids", sa.Text()),
        sa.Column("acoustid_id", sa.Text()),
        sa.Column("replaygain_track_gain_db", sa.Float()),
        sa.Column("replaygain_track_peak", sa.Float()),
        sa.Column("replaygain_album_gain_db", sa.Float()),
        sa.Column("replaygain_album_peak", sa.Float()),
        sa.Column("cover_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cover_kinds", sa.Text()),
        sa.Column("cover_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("format", sa.Text()),
        sa.Column("codec", sa.Text()),
        sa.Column("duration_seconds", sa.Float()),
        sa.Column("bitrate_bps", sa.BigInteger()),
        sa.Column("sample_rate_hz", sa.BigInteger()),
        sa.Column("channels", sa.BigInteger()),
        sa.Column("bit_depth", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["album_id"],
            ["albums.id"],
        ),
        sa.ForeignKeyConstraint(
            ["file_id"],
            ["files.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("file_id"),
    )
    op.create_index(op.f("ix_tracks_album_id"), "tracks", ["album_id"])
    op.create_table(
        "track_artists",
        sa.Column("track_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("artist_id", ID, nullable=False),
        sa.Column("credited_name", sa.Text(), server_default="", nullable=False),
        sa.Column("sort_name", sa.Text()),
        sa.ForeignKeyConstraint(
            ["artist_id"],
            ["artists.id"],
        ),
        sa.ForeignKeyConstraint(
            ["track_id"],
            ["tracks.id"],
        ),
        sa.PrimaryKeyConstraint("track_id", "position"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_track_artists_artist_id"), "track_artists", ["artist_id"])
    op.create_table(
        "album_artists",
        sa.Column("album_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("artist_id", ID, nullable=False),
        sa.Column("credited_name", sa.Text(), server_default="", nullable=False),
        sa.Column("sort_name", sa.Text()),
        sa.ForeignKeyConstraint(
            ["album_id"],
            ["albums.id"],
        ),
        sa.ForeignKeyConstraint(
            ["artist_id"],
            ["artists.id"],
        ),
        sa.PrimaryKeyConstraint("album_id", "position"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_album_artists_artist_id"), "album_artists", ["artist_id"])
    op.create_table(
        "track_genres",
        sa.Column("track_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("genre_id", ID, nullable=False),
        sa.Column("written_name", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["genre_id"],
            ["genres.id"],
        ),
        sa.ForeignKeyConstraint(
            ["track_id"],
            ["tracks.id"],
        ),
        sa.PrimaryKeyConstraint("track_id", "position"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_track_genres_genre_id"), "track_genres", ["genre_id"])


def _journal() -> None:
    op.create_table(
        "scans",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("root_id", sa.Text(), nullable=False),
        sa.Column("folder", sa.LargeBinary(), nullable=False),
        sa.Column("mode", sa.Text(), server_default="", nullable=False),
        sa.Column("requested_by", sa.Text(), server_default="", nullable=False),
        sa.Column("requested_at", sa.Float(), nullable=False),
        sa.Column("mark_anyway", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("paused_by", sa.Text(), server_default="", nullable=False),
        sa.Column("stopped_by", sa.Text(), server_default="", nullable=False),
        sa.Column("revision", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("started_at", sa.Float()),
        sa.Column("discovered_at", sa.Float()),
        sa.Column("finished_at", sa.Float()),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.Column("walk_attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("walk_done", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("walk_broken", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("unlisted", sa.Text()),
        sa.Column("missing_collected", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("files_found", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("unchanged", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("folders_found", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("other_files", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("known_problems", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("bytes_read", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sends", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("epoch", sa.Text(), server_default="", nullable=False),
        sa.Column("lease_owner", sa.Text(), server_default="", nullable=False),
        sa.Column("lease_boot", sa.Text(), server_default="", nullable=False),
        sa.Column("lease_until", sa.Float()),
        sa.ForeignKeyConstraint(
            ["root_id"],
            ["roots.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("scans_one_active", "scans", ["root_id"], unique=True, **only("active = true"))
    op.create_index("scans_requested", "scans", ["requested_at"])
    op.create_table(
        "batches",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("scan_id", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("n_files", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("files", sa.LargeBinary()),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sends", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("epoch", sa.Text(), server_default="", nullable=False),
        sa.Column("lease_owner", sa.Text(), server_default="", nullable=False),
        sa.Column("lease_boot", sa.Text(), server_default="", nullable=False),
        sa.Column("lease_until", sa.Float()),
        sa.Column("current_path", sa.LargeBinary()),
        sa.Column("deaths", sa.Text()),
        sa.ForeignKeyConstraint(
            ["scan_id"],
            ["scans.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("batches_scan_state", "batches", ["scan_id", "state"])
    op.create_table(
        "scan_folders",
        sa.Column("scan_id", sa.Text(), nullable=False),
        sa.Column("folder_id", ID, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("files", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["folder_id"],
            ["folders.id"],
        ),
        sa.ForeignKeyConstraint(
            ["scan_id"],
            ["scans.id"],
        ),
        sa.PrimaryKeyConstraint("scan_id", "folder_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "scan_missing",
        sa.Column("scan_id", sa.Text(), nullable=False),
        sa.Column("file_id", ID, nullable=False),
        sa.Column("found_as_id", ID),
        sa.ForeignKeyConstraint(
            ["file_id"],
            ["files.id"],
        ),
        sa.ForeignKeyConstraint(
            ["found_as_id"],
            ["files.id"],
        ),
        sa.ForeignKeyConstraint(
            ["scan_id"],
            ["scans.id"],
        ),
        sa.PrimaryKeyConstraint("scan_id", "file_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outcomes",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("scan_id", sa.Text(), nullable=False),
        sa.Column("file_id", ID),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("error_class", sa.Text(), server_default="", nullable=False),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("problem", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["scan_id"],
            ["scans.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("outcomes_problems", "outcomes", ["scan_id", "id"], **only("problem = true"))
    op.create_table(
        "tallies",
        sa.Column("scan_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("files", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["scan_id"],
            ["scans.id"],
        ),
        sa.PrimaryKeyConstraint("scan_id", "kind", "name"),
        sqlite_with_rowid=False,
    )
