"""Worker and page of different versions, as while several machines are brought up to date."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.faults.page import banner, scan_section, status
from tests.faults.versions import next_version, run_from
from tests.integration.stack import Stack, check_ledger
from tests.servers import valkey

SLOWLY = {"NEEDLE_BATCH_FILES": "2"}


@pytest.mark.parametrize("newer", ["worker", "web"])
def test_worker_and_page_of_different_versions_scan(
    tmp_path: Path, library: Path, newer: str
) -> None:
    music = tmp_path / "Music"
    for copy in range(8):  # enough that it can be paused before it is over
        shutil.copytree(library, music / str(copy))
    folder = next_version(tmp_path / "next")
    with valkey(tmp_path / "valkey") as server:
        running = Stack(tmp_path, music, server)
        run_from(getattr(running, newer), folder)
        try:
            running.start(**SLOWLY)
            # A start with an argument that an old worker does not know is asked for once more.
            scan_id = running.start_scan()
            running.wait_for_stored(scan_id, 4)
            with running.valkey.client() as client:
                client.xadd("needle:events", {"type": "MoodChanged", "v": "1", "data": "{}"})
                client.xadd("needle:events", {"type": "ScanChanged", "v": "2", "data": "[]"})
            files = running.scan(scan_id)["files_found"]
            assert f"of {files} found" in scan_section(running)
            running.request("POST", f"/api/v1/scans/{scan_id}/pause")
            running.wait_for_state(scan_id, "paused")
            running.request("POST", f"/api/v1/scans/{scan_id}/resume")
            scan = running.wait_for_end(scan_id)
            tracks = running.value("SELECT count(*) FROM tracks")
            check_ledger(running, scan, scan["files_found"], tracks)
            assert banner(running).startswith("completed_with_problems:")
            assert len(status(running)["workers"]) == 1
        except BaseException:
            running.show_logs()
            raise
        finally:
            running.stop()
