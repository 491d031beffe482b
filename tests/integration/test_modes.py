"""What a scan may be of: a folder, a file, what was a problem; and what it refuses to believe."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from cli.demo.audio import silence
from tests.integration.stack import Stack, check_ledger, stack


def ask(running: Stack, **body: object) -> dict[str, Any]:
    """The end of a scan that was asked for with `body`."""
    scan = running.request("POST", "/api/v1/scans", {"mode": "quick"} | body)
    return running.wait_for_end(scan["id"])


def changed(counts: dict[str, int]) -> dict[str, int]:
    return {k: v for k, v in counts.items() if v and k not in ("files_found", "unchanged")}


def fill(music: Path, albums: int, tracks: int) -> None:
    for album in range(albums):
        (music / f"album {album}").mkdir(parents=True)
        for track in range(tracks):
            (music / f"album {album}" / f"{track}.flac").write_bytes(silence("flac", 0.2))


def test_scans_of_parts_leave_the_rest_alone(tmp_path: Path) -> None:
    music = tmp_path / "Music"
    fill(music, albums=3, tracks=4)
    broken = music / "album 1" / "broken.flac"
    broken.write_bytes(b"fLaC")
    with stack(tmp_path, music) as running:
        first = running.run_scan()
        assert changed(first["counts"]) == {"new": 12, "unreadable": 1}

        # One folder: nothing is said of the others, though a file of another one is gone.
        (music / "album 0" / "0.flac").unlink()
        (music / "album 1" / "1.flac").write_bytes(silence("flac", 0.3))
        part = ask(running, root=str(music / "album 1"))
        assert changed(part["counts"]) == {"updated": 1}
        assert part["counts"]["files_found"] == 5
        assert part["folder"] == "album 1"

        # One file, from a problem's row: read again whatever is known of it.
        one = ask(running, mode="full", root=str(broken))
        assert changed(one["counts"]) == {"unreadable": 1}
        assert one["counts"]["files_found"] == 1
        broken.write_bytes(silence("flac", 0.2))

        # Only what was a problem.
        again = ask(running, mode="retry")
        assert changed(again["counts"]) == {"new": 1}
        assert again["counts"]["files_found"] == 1

        # Every file compared: the one that is gone is found out now.
        normal = ask(running, mode="normal")
        assert changed(normal["counts"]) == {"missing": 1}
        check_ledger(running, normal, files=12, tracks=13)
        assert changed(running.run_scan()["counts"]) == {}


def test_suspicious_losses_are_marked_only_on_demand(tmp_path: Path) -> None:
    music = tmp_path / "Music"
    fill(music, albums=6, tracks=20)
    with stack(tmp_path, music) as running:
        running.run_scan()
        for album in range(3):
            shutil.rmtree(music / f"album {album}")
        doubted = running.run_scan()
        assert doubted["state"] == "skipped"
        assert "60 of 120 known files are gone" in doubted["reason"]
        assert doubted["would_mark"] == 60
        assert running.value("SELECT count(*) FROM files WHERE missing_since IS NOT NULL") == 0

        believed = ask(running, mark_anyway=True)
        assert believed["state"] == "completed"
        assert changed(believed["counts"]) == {"missing": 60}

        shutil.rmtree(music)
        music.mkdir()
        empty = running.run_scan()
        assert (empty["state"], empty["would_mark"]) == ("skipped", 60)
        assert "empty" in empty["reason"]

        music.rmdir()
        gone = ask(running, mark_anyway=True)
        assert (gone["state"], gone["would_mark"]) == ("skipped", 0)
        assert "cannot be read" in gone["reason"]
        assert running.value("SELECT count(*) FROM files WHERE missing_since IS NULL") == 60

        fill(music, albums=6, tracks=20)
        assert running.run_scan()["counts"]["files_found"] == 120
        assert running.value("SELECT count(*) FROM files WHERE missing_since IS NOT NULL") == 0
