"""Processes that are asked to end, stand still, or disagree about the time, in mid-scan."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

import pytest

from cli.demo.library import make_library
from tests.faults.page import banner, scan_section, status, wait_for_phase
from tests.integration.stack import Stack, check_ledger, stack
from tests.servers import wait_until

SLOWLY = {"NEEDLE_BATCH_FILES": "2"}
LONG = 240  #: files of a scan that is not over before a process is caught reading
#: Debian, and where Homebrew puts it.
FAKETIME = (
    *Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"),
    *Path("/opt/homebrew/lib").glob("faketime/libfaketimeMT.1.dylib"),
)


def test_scan_survives_workers_that_are_asked_to_end(tmp_path: Path, music: Path) -> None:
    with stack(tmp_path, music, **SLOWLY) as running:
        scan_id = running.start_scan()
        stored = 0
        for number in (signal.SIGTERM, signal.SIGQUIT):
            running.wait_for_stored(scan_id, stored + 4)
            files = running.scan(scan_id)["files_found"]
            running.worker.process.send_signal(number)
            running.worker.process.wait(15)
            # The worker said goodbye: the page need not wait for a beat that does not come.
            told = wait_for_phase(running, "no_worker", seconds=5)
            assert told["workers"] == []
            assert banner(running).startswith("no_worker: No worker is running")
            assert f"of {files} found" in scan_section(running)
            stored = sum(running.scan(scan_id)["counts"].values()) - files
            running.worker.start(**SLOWLY)
        scan = running.wait_for_end(scan_id)
        assert scan["state"] == "completed_with_problems"
        check_ledger(running, scan, files, running.value("SELECT count(*) FROM tracks"))
        assert running.value("SELECT max(attempts) FROM batches") <= 3
        assert banner(running).startswith("completed_with_problems: ")


def test_standing_processes_hold_up_nobody_else(tmp_path: Path) -> None:
    """A process that waits for a disk answers as little as one that was sent SIGSTOP."""
    music = tmp_path / "Music"
    make_library(music, files=LONG)
    with stack(tmp_path, music, **SLOWLY) as running:
        scan_id = running.start_scan()
        running.wait_for_stored(scan_id, 4)
        files = running.scan(scan_id)["files_found"]
        stuck = wait_until(lambda: stop_a_reader(running), what="a process stands while it reads")
        assert isinstance(stuck, int)
        # The other processes read on, all but what the standing one holds.
        running.wait_for_stored(scan_id, files - 2)
        assert status(running)["phase"] == "scanning"
        assert f"of {files} found" in scan_section(running)
        os.kill(running.web.process.pid, signal.SIGSTOP)
        assert not running.scan(scan_id), "a page that stands answers"
        os.kill(running.web.process.pid, signal.SIGCONT)
        os.kill(stuck, signal.SIGCONT)
        scan = running.wait_for_end(scan_id)
        check_ledger(running, scan, files, running.value("SELECT count(*) FROM tracks"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_worker_that_is_cut_off_says_goodbye(tmp_path: Path, number: signal.Signals) -> None:
    """Celery waits for a process that stands still, and is not let wait for ever."""
    music = tmp_path / "Music"
    make_library(music, files=LONG)
    with stack(tmp_path, music, **SLOWLY) as running:
        scan_id = running.start_scan()
        running.wait_for_stored(scan_id, 4)
        stuck = wait_until(lambda: stop_a_reader(running), what="a process stands while it reads")
        assert isinstance(stuck, int)
        running.worker.process.send_signal(number)
        assert running.worker.process.wait(15) == 0
        os.kill(stuck, signal.SIGCONT)
        assert wait_for_phase(running, "no_worker", seconds=5)["workers"] == []
        running.worker.start(**SLOWLY)
        scan = running.wait_for_end(scan_id)
        check_ledger(running, scan, LONG, running.value("SELECT count(*) FROM tracks"))


def stop_a_reader(running: Stack) -> int | None:
    """Stop a process while it reads a batch, as a disk could, not while it writes the catalog."""
    reading = "SELECT lease_owner FROM batches WHERE state = 'running' AND stage = 'extract'"
    for owner in running.rows(reading):
        pid = int(owner[0].split("|")[2])
        os.kill(pid, signal.SIGSTOP)
        with (
            suppress(sqlite3.OperationalError),
            closing(sqlite3.connect(running.data / "library.db", timeout=0.2)) as db,
        ):
            # It stands now: does it still read, and does it not hold the catalog?
            db.execute("BEGIN IMMEDIATE")
            if owner in db.execute(reading).fetchall():
                return pid
        os.kill(pid, signal.SIGCONT)
    return None


@pytest.mark.parametrize("step", ["+2h", "-2h"])
def test_worker_with_a_wrong_clock_scans_as_any_other(
    tmp_path: Path, music: Path, step: str
) -> None:
    assert FAKETIME, "libfaketime is needed for this test: apt-get install faketime"
    wrong = {"LD_PRELOAD": str(FAKETIME[0]), "FAKETIME": step, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    with stack(tmp_path, music, **SLOWLY) as running:
        scan_id = running.start_scan()
        running.wait_for_stored(scan_id, 4)
        # The clock jumps while the scan runs, as on a machine that has no clock of its own.
        running.worker.kill()
        running.worker.start(**SLOWLY, **wrong)
        scan = running.wait_for_end(scan_id)
        check_ledger(
            running, scan, scan["files_found"], running.value("SELECT count(*) FROM tracks")
        )
        assert scan["duration_seconds"] >= 0
        assert banner(running).startswith("completed_with_problems: ")
        again = running.run_scan()
        assert again["counts"]["unchanged"] == scan["files_found"]
        told = status(running)
        (worker,) = told["workers"]
        off = datetime.fromisoformat(worker["started_at"]) - datetime.fromisoformat(told["at"])
        assert abs(off.total_seconds()) > 7000, "the worker's clock is right"
        assert not worker["silent"]
        assert (told["eta_seconds"] or 0) >= 0
