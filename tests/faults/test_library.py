"""A library that changes, vanishes or refuses under a scan, and one full of oddities."""

from __future__ import annotations

import os
import shutil
import socket
import unicodedata
from pathlib import Path

from cli.demo.audio import FORMATS, extension, silence
from tests.faults.disks import obey_permissions, small_disk
from tests.faults.page import banner, scan_section, status
from tests.integration.stack import Stack, check_ledger, stack
from tests.servers import wait_until
from wire.outcomes import PROBLEMS

AUDIO = {f".{extension(form)}" for form in FORMATS}
SLOWLY = {"NEEDLE_BATCH_FILES": "2"}


def audio_files(music: Path) -> list[Path]:
    return sorted(path for path in music.rglob("*") if path.suffix in AUDIO)


def marked(running: Stack) -> int:
    return int(running.value("SELECT count(*) FROM files WHERE missing_since IS NOT NULL"))


def test_nothing_is_marked_when_the_disk_goes(tmp_path: Path) -> None:
    music = tmp_path / "Music"
    with small_disk(music, "16m"):
        for number in range(60):
            (music / f"{number:02}.flac").write_bytes(silence("flac", 0.2))
        with stack(tmp_path, music, **SLOWLY) as running:
            running.run_scan()
            # Unmounted while all is read again: the files cannot be read, the root is empty.
            scan_id = running.start_scan("full")
            running.wait_for_stored(scan_id, 6)
            with small_disk(music, "1m"):
                scan = running.wait_for_end(scan_id)
                assert scan["counts"]["files_found"] == 60
                assert marked(running) == 0
                empty = running.run_scan()
                assert empty["state"] == "skipped"
                assert "empty" in empty["reason"]
                assert "empty" in scan_section(running)
                assert banner(running).startswith("skipped:")
                assert marked(running) == 0
                # A stranger's file there does not make it the library.
                (music / "other.flac").write_bytes(silence("flac", 0.1))
                other = running.run_scan()
                assert other["state"] == "skipped", other
                assert other["reason"]
                assert marked(running) == 0
            assert running.run_scan("full")["state"] == "completed"
            assert running.value("SELECT count(*) FROM files WHERE missing_since IS NULL") == 60
            assert marked(running) == 1  # the stranger


def test_files_that_vanish_grow_and_change_meanwhile(tmp_path: Path, music: Path) -> None:
    with stack(tmp_path, music, **SLOWLY) as running:
        files = audio_files(music)
        scan_id = running.start_scan()
        running.wait_for_stored(scan_id, 2)
        for number, path in enumerate(reversed(files)):
            if number % 3 == 0:
                path.unlink()
            elif number % 3 == 1:
                path.write_bytes(path.read_bytes() + bytes(100_000))
            else:
                path.write_bytes(silence("flac", 0.1))
        scan = running.wait_for_end(scan_id)
        counts = scan["counts"]
        # One outcome each: what was gone before it was read is missing.
        assert sum(counts.values()) == 2 * counts["files_found"]
        settled = running.run_scan()
        left = len(audio_files(music))
        tracks = running.value(
            "SELECT count(*) FROM tracks JOIN files ON files.id = file_id"
            " WHERE missing_since IS NULL"
        )
        assert settled["counts"]["files_found"] == left >= tracks > 0
        assert running.run_scan()["counts"]["unchanged"] == left


def test_folders_and_files_that_may_not_be_read(tmp_path: Path, music: Path) -> None:
    closed = sorted(path for path in music.iterdir() if path.is_dir())[0]
    inside = audio_files(closed)
    refused = next(path for path in audio_files(music) if closed not in path.parents)
    with stack(tmp_path, music, **SLOWLY) as running:
        first = running.run_scan()
        running.worker.stop()
        obey_permissions(running)
        running.worker.start(**SLOWLY)
        wait_until(running.is_ready_to_scan, what="the worker is back")
        closed.chmod(0)
        refused.chmod(0)
        try:
            scan = running.run_scan("full")
            assert scan["state"] == "completed_with_problems"
            assert scan["counts"]["files_found"] == first["counts"]["files_found"] - len(inside)
            assert scan["counts"]["permission"] == 1
            files = sum(scan["counts"][outcome] for outcome in PROBLEMS)
            assert scan["problems"] == files + 1, "the folder is a problem, and no file"
            # What cannot be seen is not missing.
            assert marked(running) == scan["counts"]["missing"] == 0
            problems = running.get(f"/api/v1/scans/{scan['id']}/problems?outcome=permission")
            shown = {problem["path"] for problem in problems["problems"]}
            assert shown == {f"{closed.name}/", str(refused.relative_to(music))}
        finally:
            closed.chmod(0o755)
            refused.chmod(0o644)
        music.chmod(0)
        try:
            scan = running.run_scan()
            assert scan["state"] in ("skipped", "failed")
            assert "cannot be read" in scan["reason"]
            assert "cannot be read" in scan_section(running)
            wait_until(lambda: not status(running)["roots"][0]["readable"], what="the page knows")
        finally:
            music.chmod(0o755)
        assert running.run_scan()["counts"]["files_found"] == first["counts"]["files_found"]


def odd_tree(music: Path) -> int:
    """Loops, links, special files, names and depths; how many audio files are to be found."""
    data = silence("flac", 0.1)
    (music / "folder").mkdir(parents=True)
    names = [b"caf\xe9.flac", b"line\nbreak.flac", b"esc\x1b[31m.flac", b"n" * 250 + b".flac",
             "\u202eright to left.flac".encode(),
             unicodedata.normalize("NFC", "é.flac").encode(),
             unicodedata.normalize("NFD", "é.flac").encode()]  # fmt: skip
    for name in names:
        with open(os.path.join(os.fsencode(music), name), "wb") as file:
            file.write(data)
    (music / "one.flac").write_bytes(data)
    os.link(music / "one.flac", music / "folder" / "the same.flac")
    (music / "loop").symlink_to(music)
    (music / "folder" / "self.flac").symlink_to("self.flac")
    (music / "link to one.flac").symlink_to("one.flac")
    (music / "passwd.flac").symlink_to("/etc/passwd")
    os.mkfifo(music / "pipe.flac")
    with socket.socket(socket.AF_UNIX) as end:
        here = os.open(music, os.O_RDONLY)
        end.bind(f"/proc/self/fd/{here}/socket.flac")
        os.close(here)
    if os.geteuid() == 0:
        os.mknod(music / "device.flac", 0o020600, os.makedev(1, 5))  # /dev/zero
    here = os.open(music, os.O_RDONLY)
    for _ in range(25):  # 5,000 bytes deep: past PATH_MAX
        os.mkdir("d" * 200, dir_fd=here)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    deep = os.open("deep.flac", os.O_WRONLY | os.O_CREAT, dir_fd=here)
    os.write(deep, data)
    os.close(deep)
    os.close(here)
    return len(names) + 3


def test_oddities_are_found_once_or_not_at_all(tmp_path: Path) -> None:
    files = odd_tree(tmp_path / "Music")
    with stack(tmp_path, tmp_path / "Music") as running:
        scan = running.run_scan()
        assert scan["counts"]["new"] == files, scan["counts"]
        check_ledger(running, scan, files, files)
        assert "\x1b" not in scan_section(running)
        assert "\u202e" not in scan_section(running)
        (tmp_path / "Music" / "out").symlink_to("/etc")
        scan = running.run_scan()
        assert scan["counts"]["unchanged"] == scan["counts"]["files_found"] == files
        (problem,) = running.get(f"/api/v1/scans/{scan['id']}/problems")["problems"]
        assert problem["path"] == "out/"
        assert problem["error_class"] == "OutsideRoot"
    shutil.rmtree(tmp_path / "Music")


def test_folder_of_very_many_files(tmp_path: Path) -> None:
    music, files = tmp_path / "Music", 10_000
    music.mkdir()
    for number in range(files):
        os.mknod(music / f"{number:06}.mp3")
    with stack(tmp_path, music) as running:
        scan = running.run_scan()
        check_ledger(running, scan, files, 0)
        assert scan["counts"]["unreadable"] == files
        again = running.run_scan()
        assert again["counts"]["unchanged"] == files
        assert again["duration_seconds"] < 15
