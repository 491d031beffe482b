"""The other commands, against a real Needle: scan, status, problems, stop."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from cli.demo.library import make_library
from tests.cli.running import NEEDLE, Up, environment, needle, needle_up
from tests.servers import free_port, wait_until


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A Needle with a clean folder, one with damaged files, and an empty one."""
    folder = tmp_path_factory.mktemp("commands")
    for name in ("good", "bad", "empty"):
        (folder / name).mkdir()
    make_library(folder / "good", files=20)
    make_library(folder / "bad", files=20)
    (folder / "bad" / "broken \x1b[31m.mp3").write_bytes(b"no music at all")
    (folder / "bad" / b"latin \xe9.flac".decode("utf-8", "surrogateescape")).write_bytes(b"")
    with needle_up(folder / "data", *(folder / name for name in ("good", "bad", "empty"))) as up:
        yield up


def run(up: Up, *arguments: str) -> subprocess.CompletedProcess[str]:
    return needle(*arguments, "--data", str(up.data))


def test_scan_of_sound_files_succeeds(running: Up) -> None:
    done = run(running, "scan", str(running.data.parent / "good"), "--wait")
    assert done.returncode == 0, done
    assert re.search(r"Scan \S+ of \S+/good: completed\n  20 files found in", done.stdout)

    again = run(running, "scan", str(running.data.parent / "good"), "--wait")
    assert "  20 unchanged" in again.stdout
    full = run(running, "scan", str(running.data.parent / "good"), "--full", "--wait")
    assert "  20 updated" in full.stdout


def test_scan_with_problems_exits_with_two(running: Up) -> None:
    done = run(running, "scan", str(running.data.parent / "bad"), "--wait")
    assert done.returncode == 2, done
    assert "completed with problems" in done.stdout
    assert "1 unreadable: EmptyFile" in done.stdout

    scan_id = _scan_id(done.stdout)
    listed = run(running, "problems", scan_id).stdout
    assert "unreadable: broken \\x1b[31m.mp3: " in listed
    assert "unreadable: latin \\xe9.flac: EmptyFile: " in listed
    rows = list(csv.DictReader(io.StringIO(run(running, "problems", scan_id, "--csv").stdout)))
    assert len(rows) == len(listed.splitlines()) == 2


def test_scan_outside_the_music_folders_is_refused(running: Up) -> None:
    done = run(running, "scan", "/", "--wait")
    assert done.returncode == 1
    assert done.stderr.startswith("needle: / is not inside a configured music folder")


def test_bar_is_drawn_on_a_terminal(running: Up) -> None:
    leader, follower = os.openpty()
    command = [*NEEDLE, "scan", "--wait", "--data", str(running.data)]
    command.append(str(running.data.parent / "good"))
    with os.fdopen(leader, "rb", buffering=0) as terminal:
        done = subprocess.Popen(command, env=environment(TERM="xterm"), stdout=follower)
        os.close(follower)
        shown = _read_all(terminal)
        assert done.wait(30) == 0
    assert "20/20" in shown
    assert "━" in shown


def test_status_for_people_and_programs(running: Up) -> None:
    lines = run(running, "status").stdout
    assert f"Needle at {running.url}: " in lines
    assert "Redis   answers" in lines
    assert "Worker  needle@" in lines
    assert lines.count("Music   ") == 3

    document = json.loads(run(running, "status", "--json").stdout)
    assert document["redis"]["ok"] is True
    assert len(document["roots"]) == 3
    assert [worker["version"] for worker in document["workers"]] == [version("needle")]


def test_workers_of_this_needle_answer(running: Up) -> None:
    ping = run(running, "inspect", "ping").stdout
    assert re.fullmatch(r"needle@\S+ answers\n", ping)
    name = ping.split()[0]
    assert "  scan.discovery\n" in run(running, "inspect", "registered", name).stdout
    stats = json.loads(run(running, "inspect", "stats", "--json").stdout)
    assert stats["workers"][name]["pid"] == running.pid("worker")
    for command in (["events", "on"], ["events", "off"], ["revoke", "some-task"]):
        assert run(running, *command).returncode == 0, command
    assert run(running, "purge-queue", "vector", "--yes").stdout == "Nothing waits in vector\n"


def test_unknown_scans_are_said_to_be_unknown(running: Up) -> None:
    for command in ("stop", "problems"):
        for scan_id in ("20200101T000000-000000", "../status", "x y", "é", "", "\x1b[31m"):
            done = run(running, command, scan_id)
            assert done.returncode == 1, done
            assert len(done.stderr.splitlines()) == 1
            assert " scan " in done.stderr
            assert "\x1b" not in done.stderr


@pytest.mark.parametrize(
    "url",
    ["http://[::1", "http://x y", "http://127.0.0.1:x", "http://127.0.0.1:99999", "file:///etc",
     "http://me:secret@127.0.0.1", "http://127.0.0.1\r\nX: y", "http://127.0.0.1/x", "x"],
)  # fmt: skip
def test_addresses_that_are_none(url: str) -> None:
    done = needle("status", "--url", url)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "an address such as http://127.0.0.1:8787 is needed" in done.stderr


@pytest.mark.parametrize("token", ["secret\nX: y", "secreté"])
def test_token_that_cannot_be_sent_is_not_told(token: str) -> None:
    done = needle("status", "--url", "http://127.0.0.1:1", NEEDLE_TOKEN=token)
    assert done.stderr == "needle: NEEDLE_TOKEN is no token: it holds characters that none has\n"


def test_interrupt_leaves_the_scan_alone(running: Up) -> None:
    worker = running.part("worker")
    worker.suspend()
    try:
        command = [*NEEDLE, "scan", "--wait", "--data", str(running.data)]
        command.append(str(running.data.parent / "empty"))
        waiting = subprocess.Popen(
            command,
            env=environment(PYTHONUNBUFFERED="1"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert waiting.stdout
        assert "queued" in waiting.stdout.readline()
        waiting.send_signal(signal.SIGINT)
        _, complaint = waiting.communicate(timeout=20)
        assert waiting.returncode == 130
        assert "the scan goes on" in complaint

        scan_id = re.findall(r"needle stop (\S+)`", complaint)[0]
        assert run(running, "stop", scan_id).stdout.startswith(f"Scan {scan_id} of ")
    finally:
        worker.resume()

    def is_final() -> bool:
        lines = run(running, "status").stdout
        return bool(re.search(rf"{scan_id} .*: (cancelled|completed)", lines))

    wait_until(is_final, seconds=40, what="the stopped scan is final")


def test_nothing_running_is_said_plainly(tmp_path: Path) -> None:
    done = needle("status", "--data", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == (
        f"needle: no Needle runs on {tmp_path}: start it with `needle up`, "
        "or name one with --data or --url\n"
    )
    done = needle("scan", "--url", f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert "no answer from http://127.0.0.1:" in done.stderr


@pytest.mark.parametrize("url", ["file:///etc/passwd", "127.0.0.1:1", ""])
def test_strange_addresses_are_refused(url: str, tmp_path: Path) -> None:
    done = needle("status", "--url", url, "--data", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("needle: ")


def _scan_id(output: str) -> str:
    return re.findall(r"^Scan (\S+) of", output, flags=re.MULTILINE)[0]


def _read_all(terminal: io.RawIOBase) -> str:
    shown = b""
    while True:
        try:
            data = terminal.read(4096)
        except OSError:  # Linux's way of saying that nobody writes any more
            data = b""
        if not data:
            return shown.decode()
        shown += data
