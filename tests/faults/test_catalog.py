"""The catalog is full, locked, damaged or read-only: the page says so; nothing stored is lost."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from tests.faults.disks import obey_permissions, small_disk
from tests.faults.page import banner, scan_section, status
from tests.integration.stack import Stack, check_ledger, stack
from tests.servers import wait_until
from wire.keys import TROUBLE_TTL
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


def wait_for_trouble(running: Stack, words: str, seconds: float = 30) -> None:
    wait_until(
        lambda: words in status(running)["catalog"]["error"],
        seconds=seconds,
        what=f"the page says {words}",
    )
    wait_until(lambda: words in banner(running), what="the page says so first of all")
    assert SAID in banner(running)


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


def test_migration_that_was_killed_is_begun_again(tmp_path: Path) -> None:
    program = "import sys; from worker.catalog.store import Catalog; Catalog(sys.argv[1]).migrate()"
    for number in range(5):
        url = f"sqlite:///{tmp_path}/{number}.db"
        process = subprocess.Popen([sys.executable, "-c", program, url])
        database = tmp_path / f"{number}.db"
        wait_until(database.exists, what="the migration begins")
        time.sleep(0.02 * number)  # each time at another point
        process.send_signal(signal.SIGKILL)
        process.wait()
        catalog = Catalog(url)
        catalog.migrate()
        catalog.dispose()
        with closing(sqlite3.connect(database)) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert db.execute("SELECT count(*) FROM scans").fetchone() == (0,)
