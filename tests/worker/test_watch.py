"""The watcher as a process, over a real folder and a real Valkey."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import redis

from tests.servers import ValkeyServer, wait_until
from wire.events import load
from wire.roots import make_root
from wire.schedule import WatchStatus
from wire.text import path_from_wire


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "Music"
    (folder / "A" / "B").mkdir(parents=True)
    (folder / "A" / "C").mkdir()
    return folder


@contextmanager
def watcher(server: ValkeyServer, music: Path, seconds: int) -> Iterator[subprocess.Popen[bytes]]:
    """A watcher that is at work."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("NEEDLE_")} | {
        "NEEDLE_REDIS_URL": server.url,
        "NEEDLE_MUSIC": str(music),
        "NEEDLE_DATA": str(music.parent / "data"),
        "NEEDLE_WATCH_SECONDS": str(seconds),
    }
    command = [sys.executable, "-P", "-m", "worker.watch"]
    process = subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL)
    try:
        with server.client() as client:
            wait_until(lambda: client.exists("needle:watch"), what="the watcher says something")
            if music.exists():
                wait_until(lambda: status(client).roots, what="the folder is watched")
        yield process
    finally:
        process.terminate()
        assert process.wait(15) == 0


def changed(client: redis.Redis, music: Path) -> bytes | None:
    folder = client.hget("needle:watch:changed", make_root(str(music)).id)
    return path_from_wire(folder.decode()) if isinstance(folder, bytes) else None


def status(client: redis.Redis) -> WatchStatus:
    doc = client.get("needle:watch")
    assert isinstance(doc, bytes)
    return load(WatchStatus, doc)


def test_changes_are_reported_once_quiet(
    valkey_server: ValkeyServer, redis_client: redis.Redis, music: Path
) -> None:
    with watcher(valkey_server, music, seconds=1) as process:
        assert status(redis_client).roots == (make_root(str(music)).id,)
        (music / "A" / "B" / "x.flac").touch()
        wait_until(lambda: changed(redis_client, music) == b"A/B", what="the folder")
        # No worker has taken it yet: the next report widens it.
        (music / "A" / "C" / "y.mp3").touch()
        wait_until(lambda: changed(redis_client, music) == b"A", what="both folders")
        assert psutil.Process(process.pid).memory_info().rss < 60 << 20


def test_name_that_is_no_text_stands_for_everything(
    valkey_server: ValkeyServer, redis_client: redis.Redis, music: Path
) -> None:
    with watcher(valkey_server, music, seconds=1):
        with open(os.fsencode(music / "A") + b"/caf\xe9.flac", "wb"):
            pass
        wait_until(lambda: changed(redis_client, music) == b"", what="the whole folder")


def test_folder_that_is_mounted_later_is_watched(
    valkey_server: ValkeyServer, redis_client: redis.Redis, music: Path
) -> None:
    away = music.rename(music.with_name("away"))
    with watcher(valkey_server, music, seconds=1):
        assert status(redis_client).notes == (f"{music} is not watched: it is not there.",)
        away.rename(music)
        wait_until(lambda: status(redis_client).roots, what="the folder is watched")
        assert status(redis_client).notes == ()


def test_end_reports_what_is_not_quiet_yet(
    valkey_server: ValkeyServer, redis_client: redis.Redis, music: Path
) -> None:
    with watcher(valkey_server, music, seconds=3600):
        (music / "A" / "B" / "x.flac").touch()
        wait_until(lambda: status(redis_client).changed, what="the change is known")
        assert changed(redis_client, music) is None
    assert changed(redis_client, music) == b"A/B"
