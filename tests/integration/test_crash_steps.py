"""A worker process dies at every step of a scan, one step a scan, and nothing is lost or doubled.

There are as many copies of one small folder as a scan has steps.  In the scan of copy N, the
process that takes step N kills itself.  Every copy must end with the same content and counts.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tests.integration.stack import Stack, stack
from tests.servers import wait_until
from wire.roots import join_roots, make_root

CONTENT = """
    SELECT files.path_display, files.size, files.outcome, files.error_class, tracks.title,
           tracks.artist, albums.title, tracks.duration_seconds
    FROM files JOIN folders ON folders.id = files.folder_id
    LEFT JOIN tracks ON tracks.file_id = files.id LEFT JOIN albums ON albums.id = tracks.album_id
    WHERE folders.root_id = ? ORDER BY 1"""


def small_folder(library: Path, target: Path) -> None:
    """A few good files and every broken one of the demo library, in two folders."""
    suffixes = set()
    (target / "odd").mkdir(parents=True)
    for path in sorted(library.rglob("*")):
        if path.is_file() and path.suffix not in suffixes:
            suffixes.add(path.suffix)
            shutil.copy(path, target / path.name)
    (target / "odd" / "empty.mp3").touch()
    (target / "odd" / "text.flac").write_text("this is no music")


def scan(running: Stack, copy: Path, crash_at: int) -> tuple[dict[str, Any], int]:
    """The scan of one copy, in which step `crash_at` is deadly; how many steps were taken."""
    with running.valkey.client() as client:
        client.mset({"needle:steps": 0, "needle:crash_at": crash_at})
        started = running.request("POST", "/api/v1/scans", {"mode": "quick", "root": str(copy)})
        ended = running.wait_for_end(started["id"])
        wait_until(lambda: not client.llen("scan"), what="the last messages are taken")
        return ended, int(client.get("needle:steps") or 0)


def test_scan_survives_a_death_at_every_step(tmp_path: Path, library: Path) -> None:
    copies = [tmp_path / "music" / str(number) for number in range(60)]
    small_folder(library, copies[0])
    for copy in copies[1:]:
        shutil.copytree(copies[0], copy)
    environ = {
        "NEEDLE_MUSIC": join_roots(map(str, copies)),
        "NEEDLE_BATCH_FILES": "6",
        "NEEDLE_CRASH_STEPS": "true",
    }
    with stack(tmp_path, copies[0], **environ) as running:
        undisturbed, steps = scan(running, copies[0], crash_at=0)
        content = running.rows(CONTENT, make_root(str(copies[0])).id)
        assert 15 < steps < len(copies), "the scan has other steps than this test was made for"
        assert len(content) == undisturbed["counts"]["files_found"] > 6
        for number, copy in enumerate(copies[1 : steps + 1], start=1):
            ended, _ = scan(running, copy, crash_at=number)
            assert ended["state"] == undisturbed["state"], f"step {number}"
            assert ended["counts"] == undisturbed["counts"], f"step {number}"
            assert running.rows(CONTENT, make_root(str(copy)).id) == content, f"step {number}"
        assert running.value("PRAGMA integrity_check") == "ok"
