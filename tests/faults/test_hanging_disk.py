"""A disk that answers nothing, like a network mount whose server is gone, hangs no page."""

from __future__ import annotations

from pathlib import Path

import psutil

from tests.faults.disks import hanging_disk
from tests.faults.page import banner, scan_section, status
from tests.integration.stack import Stack, check_ledger, stack
from tests.servers import wait_until

SLOWLY = {"NEEDLE_BATCH_FILES": "2"}


def all_hang(running: Stack) -> bool:
    """Whether every pool process waits in the kernel for the disk."""
    pool = [c.pid for c in running.worker.children() if c.status() != psutil.STATUS_ZOMBIE]
    return len(pool) == 2 and all(
        Path(f"/proc/{pid}/wchan").read_text() == "request_wait_answer" for pid in pool
    )


def test_scan_of_a_hanging_disk_can_be_paused_and_stopped(tmp_path: Path, music: Path) -> None:
    folder = tmp_path / "disk"
    with hanging_disk(music, folder) as disk, stack(tmp_path, folder, **SLOWLY) as running:
        scan_id = running.start_scan()
        running.wait_for_state(scan_id, "scanning")
        running.wait_for_stored(scan_id, 4)
        files = running.scan(scan_id)["files_found"]
        disk.hang()
        wait_until(lambda: all_hang(running), what="all processes hang")
        stored = running.value("SELECT count(*) FROM tracks")
        assert status(running)["phase"] == "scanning"

        running.request("POST", f"/api/v1/scans/{scan_id}/pause")
        running.wait_for_state(scan_id, "paused", seconds=30)
        assert "Nothing is read until it is resumed." in scan_section(running)

        running.request("POST", f"/api/v1/scans/{scan_id}/stop")
        scan = running.wait_for_end(scan_id, seconds=40)
        assert scan["state"] == "cancelled"
        assert banner(running).startswith("cancelled:")
        assert all_hang(running), "the disk answered"
        assert running.value("SELECT count(*) FROM tracks") == stored
        assert running.value("SELECT count(*) FROM scans WHERE active") == 0

        # The next scan waits for the disk, and reads what is left once it is back.
        scan_id = running.start_scan()
        assert running.scan(scan_id)["state"] == "queued"
        assert "Waiting for a worker" in scan_section(running)
        disk.go_on()
        scan = running.wait_for_end(scan_id)
        assert scan["state"].startswith("completed")
        assert scan["counts"]["unchanged"] >= stored
        assert scan["counts"]["quarantined"] == 0
        check_ledger(running, scan, files, running.value("SELECT count(*) FROM tracks"))
