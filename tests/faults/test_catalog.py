"""The catalog is full, locked, damaged or read-only: the page says so; nothing stored is lost."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config

from tests.faults.disks import obey_permissions, small_disk
from tests.faults.page import banner, scan_section, status
from tests.integration.stack import Stack, check_ledger, stack
from tests.servers import wait_until
from wire.keys import TROUBLE_TTL
from worker.catalog import migrations
from worker.catalog.schema import VERSION
from worker.catalog.store import Catalog

SLOWLY = {"NEEDLE_BATCH_FILES": "2"}
SAID = "The catalog cannot be used, so nothing is stored."


def fill(file: Path) -> None:
    """Take what is left of the disk."""
    with file.open("wb", buffering=0) as ballast:
        for size in (1 << 16, 1 << 10):
            try:
                while ballast.write(b"x" * size) == size:
                    pass
            except OSError:
                continue


def says(text: str, *parts: str) -> bool:
    return all(part in text for part in parts)


def wait_for_trouble(running: Stack, words: str, seconds: float = 30) -> None:
    wait_until(
        lambda: words in status(running)["catalog"]["error"],
        seconds=seconds,
        what=f"the page says {words}",
    )
    wait_until(lambda: says(banner(running), SAID, words), what="the page says so first of all")


def finish(running: Stack, scan_id: str) -> None:
    scan = running.wait_for_end(scan_id)
    assert scan["state"] == "completed_with_problems"
    tracks = running.value("SELECT count(*) FROM tracks")
    check_ledger(running, scan, scan["files_found"], tracks)
    assert scan["counts"]["new"] + scan["counts"]["tags_only"] == tracks
    # A task that waited for the catalog may say so after the others went on.
    wait_until(
        lambda: status(running)["catalog"] == {"ok": True, "error": ""},
        seconds=TROUBLE_TTL + 10,
        what="the page takes its warning back",
    )
    assert banner(running).startswith("completed_with_problems:")


def test_scan_goes_on_when_a_full_disk_has_room_again(tmp_path: Path, music: Path) -> None:
    data = tmp_path / "small"
    with small_disk(data, "6m"), stack(tmp_path, music, NEEDLE_DATA=str(data), **SLOWLY) as running:
        running.data = data
        scan_id = running.start_scan()
        running.wait_for_stored(scan_id, 4)
        fill(data / "ballast")
        wait_for_trouble(running, "disk is full")
        assert running.worker.is_alive()
        assert "stored of" in scan_section(running)
        (data / "ballast").unlink()
        finish(running, scan_id)


def test_scan_waits_for_a_locked_catalog(tmp_path: Path, music: Path) -> None:
    with stack(tmp_path, music, **SLOWLY) as running:
        scan_id = running.start_scan()
        running.wait_for_stored(scan_id, 4)
        database = running.data / "library.db"
        with closing(sqlite3.connect(database, timeout=10, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            # Longer than a writer waits
            wait_for_trouble(running, "database is locked")
            other.execute("ROLLBACK")
        finish(running, scan_id)


def test_damaged_catalog_is_named(tmp_path: Path, music: Path) -> None:
    with stack(tmp_path, music, **SLOWLY) as running:
        scan_id = running.start_scan()
        running.wait_for_stored(scan_id, 4)
        running.worker.stop()
        database = running.data / "library.db"
        sane = database.read_bytes()
        database.write_bytes(b"\xa5" * 8192 + sane[8192:])
        # A worker does not start on it, and says why;
        running.worker.start(**SLOWLY)
        assert running.worker.process.wait(30) == 1
        assert "cannot be opened" in running.worker.log.read_text()
        wait_for_trouble(running, "cannot be opened")
        # put back, the scan goes on from there.
        database.write_bytes(sane)
        running.worker.start(**SLOWLY)
        finish(running, scan_id)


def test_read_only_catalog_is_named(tmp_path: Path, music: Path) -> None:
    with stack(tmp_path, music, **SLOWLY) as running:
        running.run_scan()
        running.worker.stop()
        database = running.data / "library.db"
        database.chmod(0o444)
        obey_permissions(running)
        running.worker.start(**SLOWLY)
        scan_id = running.start_scan("full")
        wait_for_trouble(running, "readonly")
        assert running.scan(scan_id)["state"] == "queued"
        database.chmod(0o600)
        running.worker.stop()
        running.worker.start(**SLOWLY)
        assert running.wait_for_end(scan_id)["state"] == "completed_with_problems"


MIGRATE = "import sys; from worker.catalog.store import Catalog; Catalog(sys.argv[1]).migrate()"
FILES = 20_000


def kill_migration(file: Path, seconds: float, *begun: Path) -> None:
    """Migrate a catalog, and kill the process so long after one of `begun` is there."""
    process = subprocess.Popen([sys.executable, "-c", MIGRATE, f"sqlite:///{file}"])
    wait_until(lambda: any(path.exists() for path in begun), what="the migration begins")
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()


def check_migrated(file: Path, files: int) -> None:
    catalog = Catalog(f"sqlite:///{file}")
    catalog.migrate()
    catalog.dispose()
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("SELECT count(*) FROM files").fetchone() == (files,)
        assert db.execute("SELECT count(*) FROM search_texts").fetchone() == (files,)
        assert db.execute("SELECT version_num FROM alembic_version").fetchone() == (VERSION,)


def test_migration_that_was_killed_is_begun_again(tmp_path: Path) -> None:
    for number in range(4):
        file = tmp_path / f"{number}.db"
        kill_migration(file, 0.02 * number, file)  # each time at another point
        check_migrated(file, 0)


def test_killed_migration_of_a_full_catalog_loses_nothing(tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    make_old_catalog(old)
    with closing(sqlite3.connect(old)) as db, db:
        db.execute("INSERT INTO roots (id, path, display) VALUES ('r', '/m', '/m')")
        db.execute(
            "INSERT INTO folders (id, root_id, path, path_hash, release_hash)"
            " VALUES (1, 'r', '', '1', '1')"
        )
        rows = ((number, f"{number}.mp3", f"{number}.mp3") for number in range(1, FILES + 1))
        db.executemany(
            "INSERT INTO files (id, folder_id, name, path_display) VALUES (?, 1, ?, ?)", rows
        )
    for number in range(4):
        file = Path(shutil.copy(old, tmp_path / f"{number}.db"))
        copy = Path(f"{file}.before-{VERSION}")
        # The copy that is being made is there for a moment only.
        partial = () if number else (Path(f"{copy}.partial"),)
        kill_migration(file, 0.05 * number, copy, *partial)
        check_migrated(file, FILES)
        with closing(sqlite3.connect(copy)) as db:
            assert db.execute("SELECT count(*) FROM files").fetchone() == (FILES,)


def make_old_catalog(file: Path) -> None:
    """The tables as they were before files were found by their text."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    catalog = Catalog(f"sqlite:///{file}")
    with catalog.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
    catalog.dispose()
