"""Forged messages read nothing outside of the music folders, whichever task they are for."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from cli.demo.audio import silence
from tests.servers import ValkeyServer


def test_no_task_reads_outside_of_the_music_folders(
    private_valkey: ValkeyServer, tmp_path: Path
) -> None:
    # Given a music folder with ways out of it
    music, outside = tmp_path / "music", tmp_path / "outside"
    (music / "inner").mkdir(parents=True)
    outside.mkdir()
    (music / "inner/good.mp3").write_bytes(silence("mp3", 1))
    (outside / "secret.mp3").write_bytes(silence("mp3", 1))
    (music / "link").symlink_to(outside)
    (music / "file.mp3").symlink_to(outside / "secret.mp3")
    # When every task is called with forged arguments
    done = subprocess.run(
        [sys.executable, "-m", "tests.worker.forged_tasks", str(outside)],
        env={k: v for k, v in os.environ.items() if not k.startswith("NEEDLE_")}
        | {
            "NEEDLE_REDIS_URL": private_valkey.url,
            "NEEDLE_DATA": str(tmp_path),
            "NEEDLE_MUSIC": str(music),
            "NEEDLE_LOG_LEVEL": "ERROR",
        },
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    # Then nothing of the other folder was opened, and the catalog knows but the good file.
    assert told == {"touched": [], "spared": []}
    with closing(sqlite3.connect(tmp_path / "library.db")) as db:
        assert db.execute("SELECT name FROM files").fetchall() == [(b"good.mp3",)]
        assert db.execute("SELECT count(*) FROM scans WHERE active").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM scans").fetchone()[0] > 5
