"""Forgetting missing files with real processes: page, API, terminal, and by itself."""

from __future__ import annotations

import html
import json
import os
import pty
import sqlite3
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from tests.cli.running import NEEDLE, environment, needle
from tests.integration.stack import Stack, check_ledger
from tests.servers import wait_until

DAY = 86_400.0


def lose(running: Stack, music: Path, count: int) -> list[str]:
    """Scan, delete so many files, scan again; the names of those that are missing."""
    gone = sorted(path for path in music.rglob("*") if path.is_file() and path.suffix == ".mp3")
    for path in gone[:count]:
        path.unlink()
    running.run_scan()
    return [str(path.relative_to(music)) for path in gone[:count]]


def refused(call: Callable[[], Any]) -> tuple[int, str]:
    with pytest.raises(urllib.error.HTTPError) as caught:
        call()
    with caught.value as error:
        return error.code, json.load(error)["error"]["code"]


def page(running: Stack, path: str, **form: object) -> tuple[str, str]:
    """Where a page, or the answer to a form, is, and what it says."""
    data = urllib.parse.urlencode(form).encode() if form else None
    with urllib.request.urlopen(running.url + path, data, timeout=15) as answer:  # noqa: S310
        return answer.url, html.unescape(answer.read().decode())


def answered(answer: bytes, *arguments: str) -> str:
    """What a command says to somebody who answers it on a terminal."""
    terminal, side = pty.openpty()
    try:
        os.write(terminal, answer)
        command = [*NEEDLE, *arguments]
        done = subprocess.run(
            command, stdin=side, env=environment(), capture_output=True, timeout=60
        )
    finally:
        os.close(terminal)
        os.close(side)
    return done.stdout.decode()


def missing_rows(running: Stack) -> int:
    return int(running.value("SELECT count(*) FROM files WHERE missing_since IS NOT NULL"))


def activity(running: Stack) -> list[dict[str, Any]]:
    with running.valkey.client() as client:
        entries = cast(list[tuple[bytes, dict[bytes, bytes]]], client.xrange("needle:activity"))
    records = [json.loads(fields[b"data"]) for _, fields in entries]
    return [record for record in records if record["action"] == "missing.purged"]


def wait_for_purge(running: Stack, times: int) -> dict[str, Any]:
    """The entry in the list of activity that tells of the purge."""
    wait_until(lambda: len(activity(running)) == times, seconds=30, what="a purge is told")
    assert missing_rows(running) == 0
    return activity(running)[-1]


def test_missing_files_are_shown_then_forgotten(running: Stack, music: Path) -> None:
    first = running.run_scan()
    files, tracks = first["counts"]["files_found"], running.value("SELECT count(*) FROM tracks")
    assert running.get("/api/v1/missing")["files"] == 0
    assert "/missing" not in page(running, "/")[1]

    # By the page: what goes is shown first, and only as much as was shown.
    gone = lose(running, music, 3)
    found = running.get("/api/v1/missing")
    assert [file["path"] for file in found["first"]] == gone
    assert (found["files"], found["tracks"], found["scanned"]) == (3, 3, "")
    wait_until(lambda: '"/missing"' in page(running, "/")[1], what="the live page names them")
    text = page(running, "/missing")[1]
    assert all(name in text for name in gone)
    assert "Forget 3 files" in text
    assert refused(lambda: running.request("POST", "/api/v1/missing/purge", {"expected": 2})) == (
        409,
        "count_changed",
    )
    assert missing_rows(running) == 3
    where, text = page(running, "/missing/purge", root="", days="0", expected="3")
    assert where.endswith("/missing?asked=3")
    told = wait_for_purge(running, 1)
    assert (told["actor"], told["detail"]) == ("page", "3 files")
    assert running.value("SELECT count(*) FROM files") == files - 3
    assert running.value("SELECT count(*) FROM tracks") == tracks - 3

    # Not while a scan has the folder; what is on disk is never touched.
    lose(running, music, 2)
    paused = running.request("POST", "/api/v1/scans", {"mode": "full"})["id"]
    running.request("POST", f"/api/v1/scans/{paused}/pause", {})
    running.wait_for_state(paused, "paused")
    request = {"expected": 2}
    assert refused(lambda: running.request("POST", "/api/v1/missing/purge", request)) == (
        409,
        "root_busy",
    )
    assert "is being scanned" in page(running, "/missing")[1]
    running.request("POST", f"/api/v1/scans/{paused}/resume", {})
    running.wait_for_end(paused)

    # By the terminal.
    asked = needle("purge", "--url", running.url)
    assert asked.returncode == 1
    assert "--yes" in asked.stderr
    assert "2 files missing since" in asked.stdout
    assert "Nothing was forgotten" in answered(b"n\n", "purge", "--url", running.url)
    nothing = needle("purge", "--url", running.url, "--older-than", "7", "--yes")
    assert "No missing files" in nothing.stdout
    unknown = needle("purge", "--url", running.url, "--root", str(music.parent), "--yes")
    assert "no music folder" in unknown.stderr
    done = needle("purge", "--url", running.url, "--root", str(music), "--yes")
    assert "2 files will be forgotten" in done.stdout, done.stderr
    told = wait_for_purge(running, 2)
    assert (told["actor"], told["target"]) == ("api", str(music))

    last = running.run_scan()
    check_ledger(running, last, files - 5, tracks - 5)
    assert last["counts"]["new"] == 0
    assert sum(path.is_file() for path in music.rglob("*.mp3")) > 0

    # The history tells of all of them.
    text = page(running, "/scans")[1]
    assert f'href="/scans/{last["id"]}"' in text
    assert text.count('<th scope="row">') == 5


def test_old_missing_files_are_forgotten_by_themselves(running: Stack, music: Path) -> None:
    running.run_scan()
    gone = lose(running, music, 4)
    with closing(sqlite3.connect(running.data / "library.db", timeout=20)) as db, db:
        long_ago = "UPDATE files SET missing_since = ? WHERE path_display IN (?, ?)"
        db.execute(long_ago, (time.time() - 31 * DAY, *gone[:2]))

    running.worker.stop()
    with running.valkey.client() as client:
        assert 0 < client.ttl("needle:upkeep") <= DAY
        client.delete("needle:upkeep")
    running.worker.start(NEEDLE_PURGE_DAYS="30")

    wait_until(lambda: missing_rows(running) == 2, seconds=60, what="the old ones are forgotten")
    wait_until(lambda: bool(activity(running)), what="it is told")
    assert (activity(running)[0]["actor"], activity(running)[0]["detail"]) == ("system", "2 files")
    left = running.rows("SELECT path_display FROM files WHERE missing_since IS NOT NULL")
    assert sorted(name for (name,) in left) == sorted(gone[2:])
