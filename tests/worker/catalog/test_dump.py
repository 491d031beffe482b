"""Rows for other programs, and a copy that is whole: on real databases."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.worker.catalog.scenario import begin, broken, scan, song
from wire.text import path_from_wire
from worker.catalog import dump, migrate
from worker.catalog.backup import back_up
from worker.catalog.folding import search_text
from worker.catalog.store import Catalog, CatalogError

FLAGGED = song(b"a/\xff\n2.mp3", 2, title="Two")._replace(flags=("duration_clamped", "text_cut"))
LIBRARY = (
    song("a/1.mp3", 1, title="One", artists=("A", "B"), album="X", genres=("Rock", "Pop"),
         isrcs=("FR1", "FR2"), replaygain_track_gain_db=float("inf")),
    FLAGGED,
    broken("a/3.mp3", 3),
)  # fmt: skip


def exported(catalog: Catalog, table: str) -> list[dump.Row]:
    with catalog.read() as connection:
        return list(dump.rows(connection, table))


def test_tracks_carry_lists_and_files(catalog: Catalog) -> None:
    scan(catalog, LIBRARY)
    one, two = exported(catalog, "tracks")
    assert (one["artists"], one["genres"], one["isrcs"]) == (
        ["A", "B"],
        ["Rock", "Pop"],
        ["FR1", "FR2"],
    )
    assert (two["artists"], two["genres"], two["isrcs"]) == ([], [], [])
    assert one["replaygain_track_gain_db"] is None
    assert one["outcome"] == "new"
    assert path_from_wire(two["path"]) == b"a/\xff\n2.mp3"
    assert (one["flags"], two["flags"]) == ([], ["duration_clamped", "text_cut"])
    assert two["path_display"] == r"a/\xff\x0a2.mp3"


def test_other_tables_are_exported(catalog: Catalog) -> None:
    scan(catalog, LIBRARY)
    assert [row["artists"] for row in exported(catalog, "albums")] == [["A", "B"]]
    assert {row["name"] for row in exported(catalog, "artists")} == {"A", "B"}
    files = exported(catalog, "files")
    assert len(files) == 3
    (bad,) = [row for row in files if row["track_id"] is None]
    assert bad["error_message"] == "what was wrong"


@pytest.mark.parametrize("table", dump.TABLES)
def test_columns_are_those_of_the_rows(catalog: Catalog, table: str) -> None:
    scan(catalog, LIBRARY)
    for row in exported(catalog, table):
        assert set(row) == set(dump.TABLES[table].columns)


def test_every_page_is_exported(catalog: Catalog) -> None:
    library = [song(f"{number:04}.mp3", number, title=str(number)) for number in range(2100)]
    scan(catalog, library)
    assert sorted(int(row["title"]) for row in exported(catalog, "tracks")) == list(range(2100))


def test_copy_is_sound_while_others_write(tmp_path: Path) -> None:
    catalog = Catalog(f"sqlite:///{tmp_path}/library.db")
    catalog.migrate()
    scan(catalog, LIBRARY)
    stop = threading.Event()

    def write() -> None:
        writer = Catalog(f"sqlite:///{tmp_path}/library.db")
        number = 0
        while not stop.is_set():
            number += 1
            with writer.write() as connection:
                connection.execute(text("update files set size = :n"), {"n": number})
        writer.dispose()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(5):
            back_up(f"{tmp_path}/library.db", f"{tmp_path}/copy-{number}.db")
    finally:
        stop.set()
        thread.join()
    assert stat.S_IMODE(os.stat(tmp_path / "copy-4.db").st_mode) == 0o600
    with closing(sqlite3.connect(tmp_path / "copy-4.db")) as copy:
        assert len({size for (size,) in copy.execute("select size from files")}) == 1
    restored = Catalog(f"sqlite:///{tmp_path}/copy-4.db")
    assert [row["title"] for row in exported(restored, "tracks")] == ["One", "Two"]
    assert begin(restored, "scan-2").scan_id == "scan-2"
    for opened in (catalog, restored):
        opened.dispose()


def test_copy_replaces_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    catalog = Catalog(f"sqlite:///{tmp_path}/library.db")
    catalog.migrate()
    catalog.dispose()
    target = tmp_path / "copy.db"
    target.write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        back_up(f"{tmp_path}/library.db", str(target))
    assert target.read_bytes() == b"precious"
    with pytest.raises(CatalogError, match="unable to open"):
        back_up(f"{tmp_path}/absent.db", f"{tmp_path}/other.db")
    (tmp_path / "damaged.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(CatalogError, match="not a database"):
        back_up(f"{tmp_path}/damaged.db", f"{tmp_path}/other.db")
    assert not [name for name in os.listdir(tmp_path) if "other" in name or "partial" in name]


def test_migration_fills_search_texts(catalog: Catalog) -> None:
    """A catalog that an older Needle has filled can be searched after the update."""
    scan(catalog, LIBRARY)
    with catalog.read() as connection:
        before = connection.execute(text("select id, text from search_texts order by id")).all()
    assert before[0].text == search_text("One", "A; B", "X", "a/1.mp3")
    with catalog.write() as connection:
        connection.execute(text("drop table search_texts"))
        for table in ("size_days", "unchanged"):  # of later migrations
            connection.execute(text(f"drop table {table}"))
        for column in ("first_file_id", "last_file_id"):
            connection.execute(text(f"alter table folders drop column {column}"))
        connection.execute(text("drop index albums_mbid"))
        for table in ("tracks", "track_artists", "album_artists"):
            connection.execute(text(f"drop index {table}_joined"))
            connection.execute(text(f"alter table {table} drop column joined"))
        connection.execute(text("update alembic_version set version_num = '0002'"))
        later = connection.execute(text("select version_num from alembic_version")).scalar()
        assert later == "0002"
    catalog.migrate()
    with catalog.read() as connection:
        after = connection.execute(text("select id, text from search_texts order by id")).all()
        assert migrate.current_revision(connection) is not None
    assert after == before
