"""A scan from the button to the catalog, through real processes."""

from __future__ import annotations

import os
import signal
import urllib.error
from pathlib import Path

import pytest

from cli.demo.audio import silence
from tests.integration.stack import Stack, check_ledger, stack
from tests.servers import wait_until
from wire.outcomes import PROBLEMS
from worker.library.formats import format_of


def audio_files(music: Path) -> list[Path]:
    return [path for path in music.rglob("*") if format_of(os.fsencode(path)) is not None]


def problems(scan: dict[str, dict[str, int]]) -> int:
    return sum(scan["counts"][outcome] for outcome in PROBLEMS)


def test_first_scan_stores_every_file(running: Stack) -> None:
    scan = running.run_scan()
    files = len(audio_files(running.music))
    unreadable = problems(scan) - scan["counts"]["tags_only"]
    assert scan["state"] == "completed_with_problems"
    assert scan["counts"]["new"] == files - problems(scan)
    check_ledger(running, scan, files, files - unreadable)


def test_second_scan_opens_nothing(running: Stack) -> None:
    running.run_scan()
    before = {path: path.stat().st_atime_ns for path in audio_files(running.music)}
    for path in before:
        os.utime(path, ns=(1, path.stat().st_mtime_ns))
    # Setting the access time changes ctime: what counts as changed is read once more …
    running.run_scan()
    scan = running.run_scan()
    # … and now nothing has.
    assert scan["counts"]["unchanged"] == scan["counts"]["files_found"] == len(before)
    assert scan["state"] == "completed"


def test_changed_file_is_read_again(running: Stack) -> None:
    first = running.run_scan()
    path = next(p for p in audio_files(running.music) if p.suffix == ".opus")
    path.touch()
    scan = running.run_scan()
    assert scan["counts"]["updated"] == 1
    assert scan["counts"]["unchanged"] == first["counts"]["files_found"] - 1


def test_deleted_file_is_marked_and_comes_back(running: Stack) -> None:
    running.run_scan()
    path = next(p for p in audio_files(running.music) if p.suffix == ".flac")
    data = path.read_bytes()
    path.unlink()
    assert running.run_scan()["counts"]["missing"] == 1
    assert running.value("SELECT count(*) FROM files WHERE missing_since IS NOT NULL") == 1
    path.write_bytes(data)
    running.run_scan()
    assert running.value("SELECT count(*) FROM files WHERE missing_since IS NOT NULL") == 0


def test_full_scan_reads_all_again(running: Stack) -> None:
    first = running.run_scan()
    scan = running.run_scan("full")
    assert scan["counts"]["unchanged"] == 0
    assert problems(scan) == problems(first)
    assert scan["counts"]["updated"] == first["counts"]["new"]


def test_second_start_shows_the_running_scan(tmp_path: Path, music: Path) -> None:
    with stack(tmp_path, music, NEEDLE_BATCH_FILES="1") as running:
        first = running.start_scan()
        assert {running.start_scan() for _ in range(5)} == {first}
        running.wait_for_end(first)


def test_empty_folder_is_skipped_with_a_reason(tmp_path: Path) -> None:
    music = tmp_path / "Empty"
    music.mkdir()
    with stack(tmp_path, music) as running:
        scan = running.run_scan()
    assert scan["state"] == "skipped"
    assert "empty" in scan["reason"]


def test_folder_outside_is_refused(running: Stack) -> None:
    (running.music / "out").symlink_to("/etc")
    for root in ("/etc", str(running.music / ".."), str(running.music / "out")):
        with pytest.raises(urllib.error.HTTPError) as refused:
            running.request("POST", "/api/v1/scans", {"mode": "quick", "root": root})
        with refused.value as answer:
            assert 400 <= answer.code < 500


def test_stopped_scan_keeps_what_is_stored(tmp_path: Path, music: Path) -> None:
    with stack(tmp_path, music, NEEDLE_BATCH_FILES="1") as running:
        scan_id = running.start_scan()
        wait_until(lambda: running.scan(scan_id)["counts"]["new"], what="something is stored")
        running.request("POST", f"/api/v1/scans/{scan_id}/stop")
        scan = running.wait_for_end(scan_id)
        assert scan["state"] == "cancelled"
        stored = scan["counts"]["new"] + scan["counts"]["tags_only"]
        assert running.value("SELECT count(*) FROM tracks") == stored < len(audio_files(music))
        rest = running.run_scan()
        assert rest["counts"]["unchanged"] >= stored
        assert rest["counts"]["files_found"] == len(audio_files(music))


def test_paused_scan_goes_on_where_it_was(tmp_path: Path, music: Path) -> None:
    with stack(tmp_path, music, NEEDLE_BATCH_FILES="1") as running:
        scan_id = running.start_scan()
        wait_until(lambda: running.scan(scan_id)["counts"]["new"], what="something is stored")
        running.request("POST", f"/api/v1/scans/{scan_id}/pause")
        running.wait_for_state(scan_id, "paused")
        running.worker.stop()
        running.worker.start()
        assert running.scan(scan_id)["state"] == "paused"
        running.request("POST", f"/api/v1/scans/{scan_id}/resume")
        scan = running.wait_for_end(scan_id)
        assert scan["counts"]["files_found"] == len(audio_files(music))
        assert running.value("SELECT max(attempts) FROM batches") <= 2


def test_pause_at_the_very_start_is_kept(running: Stack) -> None:
    """Also when the request is there before a worker has begun the scan."""
    os.kill(running.worker.process.pid, signal.SIGSTOP)
    scan_id = running.start_scan()
    with running.valkey.client() as client:
        client.hset(f"needle:scan:{scan_id}:control", "pause", "page")
    os.kill(running.worker.process.pid, signal.SIGCONT)
    running.wait_for_state(scan_id, "paused")
    running.request("POST", f"/api/v1/scans/{scan_id}/resume")
    assert running.wait_for_end(scan_id)["counts"]["new"]


def test_deadly_files_are_quarantined_alone(tmp_path: Path) -> None:
    """Files that take their process down are left alone until they change; no other is lost."""
    music = tmp_path / "Music"
    music.mkdir()
    for number in range(12):
        (music / f"{number:02}.flac").write_bytes(silence("flac", 0.5))
    deadly = ["03.flac", "07.flac"]
    with stack(tmp_path, music, NEEDLE_CRASH_STEPS="true") as running:
        with running.valkey.client() as client:
            client.sadd("needle:deadly", *deadly)
            scan = running.run_scan()
            assert scan["counts"]["quarantined"] == 2
            assert scan["counts"]["new"] == 10
            check_ledger(running, scan, files=12, tracks=10)
            listed = running.get(f"/api/v1/scans/{scan['id']}/problems")["problems"]
            assert sorted(problem["path"] for problem in listed) == deadly
            assert {problem["error_class"] for problem in listed} == {"ProcessDied"}
            assert running.run_scan()["counts"]["unchanged"] == 12
            client.delete("needle:deadly")
        (music / "03.flac").write_bytes(silence("flac", 0.7))
        assert running.run_scan()["counts"]["new"] == 1


def test_names_that_are_no_text_are_stored(tmp_path: Path) -> None:
    music = tmp_path / "Music"
    source = silence("flac", 1.0)
    names = [b"caf\xe9.flac", b"line\nbreak.flac", b"esc\x1b[31m.flac", "Jóga.flac".encode(),
             b"%s%d{{7*7}}.flac", b"-rf ?*\"'<script>.flac", b"a" * 250 + b".flac"]  # fmt: skip
    music.mkdir()
    for name in names:
        with open(os.path.join(os.fsencode(music), name), "wb") as file:
            file.write(source)
    with stack(tmp_path, music) as running:
        scan = running.run_scan()
        assert scan["state"] == "completed"
        check_ledger(running, scan, len(names), len(names))
        assert {row[0] for row in running.rows("SELECT name FROM files")} == set(names)
