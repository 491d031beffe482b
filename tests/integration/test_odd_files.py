"""A folder of hostile and broken files: the scan ends, and every file has its one outcome."""

from __future__ import annotations

import os
import random
from pathlib import Path

from cli.demo.audio import FORMATS, extension, silence
from tests.integration.stack import check_ledger, stack


def odd_folder(folder: Path) -> int:
    """Good, damaged, empty, mislabelled, looping and special files; how many are audio files."""
    folder.mkdir()
    rng = random.Random(7)
    for form in FORMATS:
        data = silence(form, 1)
        name = f"{form}.{extension(form)}"
        (folder / f"good {name}").write_bytes(data)
        (folder / f"half {name}").write_bytes(data[: len(data) // 2])
        (folder / f"no head {name}").write_bytes(data[7:])
        (folder / f"noise {name}").write_bytes(rng.randbytes(3000))
        (folder / f"empty {name}").touch()
    count = 5 * len(FORMATS)
    (folder / "loop.mpc").write_bytes(b"MPCKAA\x00".ljust(39, b"\0"))
    (folder / "really a flac.mp3").write_bytes(silence("flac", 1))
    (folder / "text.ogg").write_text("<script>alert(1)</script>")
    (folder / "film.mkv").write_bytes(b"\x1aE\xdf\xa3" + bytes(100))
    os.mkfifo(folder / "pipe.mp3")
    (folder / "nowhere.mp3").symlink_to("nothing")
    (folder / "circle").symlink_to(folder)
    (folder / "notes.txt").touch()
    return count + 4


def test_scan_of_odd_files_ends_with_every_file_accounted_for(tmp_path: Path) -> None:
    files = odd_folder(tmp_path / "Odd")
    with stack(tmp_path, tmp_path / "Odd", NEEDLE_FILE_SECONDS="1") as running:
        scan = running.run_scan()
        counts = scan["counts"]
        assert scan["state"] == "completed_with_problems"
        assert counts["new"] >= len(FORMATS) + 1
        assert counts["timed_out"] == 1
        assert counts["unsupported"] >= 1
        tracks = counts["new"] + counts["tags_only"]
        check_ledger(running, scan, files, tracks)
        problems = running.get(f"/api/v1/scans/{scan['id']}/problems?limit=1000")["problems"]
        assert len(problems) == files - counts["new"]
        assert all(problem["error_class"] and problem["message"] for problem in problems)
        again = running.run_scan()
        # Only what may have been a passing trouble is read once more.
        assert again["counts"]["unchanged"] == files - counts["timed_out"]
        assert again["counts"]["timed_out"] == 1
