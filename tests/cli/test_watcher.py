"""`needle up` with NEEDLE_WATCH: a watcher that is looked after like the other parts."""

from __future__ import annotations

import json
from pathlib import Path

from cli.demo.audio import silence
from tests.cli.running import needle_up
from tests.servers import wait_until


def test_new_file_is_scanned_by_itself(data: Path, music: Path) -> None:
    album = music / "Artist" / "Album"
    album.mkdir(parents=True)
    with needle_up(data, music, NEEDLE_WATCH="true", NEEDLE_WATCH_SECONDS="1") as up:
        up.part("watcher").kill()
        wait_until(lambda: up.said("watcher answers again"), what="another watcher")

        (album / "new.flac").write_bytes(silence("flac", 0.5))

        def scan() -> dict[str, object] | None:
            scans = json.loads(up.get("/api/v1/scans"))["scans"]
            return next((s for s in scans if s["finished_at"]), None)

        found = wait_until(scan, seconds=40, what="a scan of the folder")
        assert isinstance(found, dict)
        assert found["requested_by"] == "watch"
        assert found["folder"] == "Artist/Album"
        assert found["counts"]["new"] == 1
