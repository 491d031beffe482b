"""Problems of scans so old that Redis has forgotten them: read from the catalog again."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from cli.demo.audio import silence
from tests.integration.stack import Stack, stack
from wire import keys as wire_keys
from wire.keys import Keys

KEYS = Keys()
BROKEN = 3


def read(running: Stack, path: str) -> str:
    with urllib.request.urlopen(running.url + path, timeout=20) as answer:  # noqa: S310 - ours
        return str(answer.read().decode())


def test_problems_of_an_old_scan_are_read_from_the_catalog(tmp_path: Path) -> None:
    music = tmp_path / "Music"
    music.mkdir()
    (music / "sound.flac").write_bytes(silence("flac", 0.2))
    for number in range(BROKEN):
        (music / f"broken {number}.flac").write_bytes(b"fLaC")
    with stack(tmp_path, music) as running, running.valkey.client() as client:
        scan_id = running.run_scan()["id"]
        key, path = KEYS.problems(scan_id), f"/api/v1/scans/{scan_id}/problems"
        before = running.get(path)
        assert before["total"] == BROKEN
        older = [f"20200101T000000-{number:06x}" for number in range(wire_keys.RECALLED_KEPT)]
        for old in older:
            client.lpush(KEYS.recalled, old)
            client.zadd(KEYS.problems(old), {"{}": 1})

        # What happens to a list when ten newer scans have one.
        client.delete(key)
        assert running.get(path) == before
        assert 0 < client.ttl(key) <= wire_keys.RECALLED_TTL
        assert client.lrange(KEYS.recalled, 0, -1)[0] == scan_id.encode()
        kept = [old for old in older if client.exists(KEYS.problems(old))]
        assert kept == older[1:]

        client.delete(key)
        assert read(running, f"{path}.csv").count("\n") == BROKEN + 1
        client.delete(key)
        assert "broken 2.flac" in read(running, f"/scans/{scan_id}")

        # Nobody can be asked: the scan is shown, and it is said why its problems are not.
        running.worker.stop()
        client.delete(key)
        text = read(running, f"/scans/{scan_id}")
        assert "The list of an old scan is read from the catalog." in text
        with pytest.raises(urllib.error.HTTPError) as refused:
            running.get(path)
        with refused.value as error:
            assert (error.code, json.load(error)["error"]["code"]) == (503, "no_answer")
