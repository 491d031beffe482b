"""Redis refuses, hangs or changes: the page names the cause, and the scan goes on afterwards."""

from __future__ import annotations

import os
import time
import urllib.error
from pathlib import Path

import pytest
import redis

from cli import valkey as server_check
from tests.faults.page import banner, scan_section, status, wait_for_phase
from tests.integration.stack import Stack, check_ledger, stack
from tests.servers import ValkeyServer, wait_until

SLOWLY = {"NEEDLE_BATCH_FILES": "2"}
#: Longer than every timeout; with 300 it was run by hand.
STOPPED_SECONDS = 35.0


def start_refused(running: Stack) -> str:
    """The words with which a start is refused now."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        running.start_scan()
    with refused.value as answer:
        assert answer.code == 503
        return answer.read().decode()


def worker_comes_back(running: Stack) -> None:
    """What `needle up` does when the worker ends: start it again."""
    if not running.worker.is_alive():
        running.worker.start(**SLOWLY)


def finish(running: Stack, scan_id: str, files: int) -> None:
    scan = running.wait_for_end(scan_id)
    assert scan["state"].startswith("completed")
    check_ledger(running, scan, files, running.value("SELECT count(*) FROM tracks"))
    # A worker that has lost Redis for long may come back after its pool has done the work.
    wait_until(
        lambda: banner(running).startswith(scan["state"]), seconds=40, what="the page says so"
    )


def test_redis_that_hung_comes_back_with_another_password(tmp_path: Path, music: Path) -> None:
    with stack(tmp_path, music, **SLOWLY) as running:
        scan_id = running.start_scan()
        running.wait_for_stored(scan_id, 6)
        files = running.scan(scan_id)["files_found"]
        # When it answers nothing for longer than any timeout
        running.valkey.freeze()
        told = wait_for_phase(running, "redis_down")
        assert not told["redis"]["ok"]
        assert told["redis"]["error"] == "It hangs: no answer in time."
        assert "Redis does not answer. The figures are those of" in banner(running)
        assert f"of {files} found" in scan_section(running)
        wait_until(
            lambda: "Timeout" in running.worker.log.read_text(),
            what="the worker ran into a timeout",
        )
        # and comes back under another password
        running.valkey.thaw()
        running.valkey.kill()
        running.valkey.change_password("new")
        running.valkey.start()
        wait_until(
            lambda: status(running)["redis"]["error"] == "It refuses the password.",
            what="the page says why",
        )
        assert "It refuses the password." in banner(running)
        assert "redis_unavailable" in start_refused(running)
        # then the scan goes on once everybody knows it.
        running.stop()
        running.worker.environ["NEEDLE_REDIS_URL"] = running.valkey.url
        running.start(**SLOWLY)
        finish(running, scan_id, files)


@pytest.mark.parametrize(
    ("harm", "heal", "words"),
    [
        ("CONFIG SET maxmemory 1mb", "CONFIG SET maxmemory 0", "Its memory limit is reached."),
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", "It is read-only."),
    ],
    ids=["full", "read only"],
)
def test_scan_goes_on_when_redis_takes_data_again(
    tmp_path: Path, music: Path, harm: str, heal: str, words: str
) -> None:
    with stack(tmp_path, music, **SLOWLY) as running, running.valkey.client() as client:
        scan_id = running.start_scan()
        running.wait_for_stored(scan_id, 6)
        files = running.scan(scan_id)["files_found"]
        client.execute_command(*harm.split())
        wait_until(lambda: status(running)["redis"]["error"] == words, what="the page says why")
        assert f"Redis takes no new data, so nothing is scanned. {words}" in banner(running)
        assert not running.is_ready_to_scan()
        # Celery's worker ends when its broker refuses; who looks after it starts it again.
        wait_until(lambda: not running.worker.is_alive(), what="the worker ends")
        client.execute_command(*heal.split())
        worker_comes_back(running)
        finish(running, scan_id, files)


def test_scan_goes_on_after_redis_stood_still_for_long(tmp_path: Path, music: Path) -> None:
    with stack(tmp_path, music, **SLOWLY) as running:
        scan_id = running.start_scan()
        running.wait_for_stored(scan_id, 6)
        files = running.scan(scan_id)["files_found"]
        running.valkey.freeze()
        stopped_at = time.monotonic()
        wait_for_phase(running, "redis_down")
        # However long it takes, the page answers, and shows what it knew.
        while time.monotonic() - stopped_at < STOPPED_SECONDS:
            assert "Redis does not answer. The figures are those of" in banner(running)
            assert f"of {files} found" in scan_section(running)
            assert running.worker.is_alive()
        running.valkey.thaw()
        finish(running, scan_id, files)


def test_scan_goes_on_when_redis_has_loaded_its_data(tmp_path: Path, music: Path) -> None:
    with stack(tmp_path, music, **SLOWLY) as running:
        scan_id = running.start_scan()
        running.wait_for_stored(scan_id, 6)
        files = running.scan(scan_id)["files_found"]
        make_loading_slow(running.valkey)
        running.valkey.kill()
        running.valkey.launch()
        wait_until(
            lambda: status(running)["redis"]["error"] == "It is loading its data.",
            what="the page says what it does",
        )
        assert "It is loading its data." in banner(running)
        assert f"of {files} found" in scan_section(running)
        assert "redis_unavailable" in start_refused(running)
        wait_until(running.valkey.answers, seconds=60, what="all is loaded")
        worker_comes_back(running)
        finish(running, scan_id, files)


def make_loading_slow(server: ValkeyServer) -> None:
    """Let its next start take about 10 s, by many keys and an option made for such tests."""
    with server.client() as client:
        client.mset({f"ballast:{number}": os.urandom(512) for number in range(2_000)})
        client.bgrewriteaof()
        wait_until(lambda: is_rewritten(client), what="the file is rewritten")
    delay = ["--key-load-delay", "5000", "--loading-process-events-interval-bytes", "1024"]
    server.options = (*server.options, *delay)


def is_rewritten(client: redis.Redis) -> bool:
    told = client.info("persistence")
    return not told["aof_rewrite_in_progress"] and not told["aof_rewrite_scheduled"]


def test_policy_that_loses_tasks_is_warned_of(private_valkey: ValkeyServer) -> None:
    assert server_check.check(private_valkey.url) is None
    with private_valkey.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
    warning = server_check.check(private_valkey.url)
    assert warning is not None
    assert "allkeys-lru" in warning
    assert "noeviction" in warning
