"""Faults in the middle of a scan.  Each scan goes on by itself and ends as if nothing had been.

The measure is a scan of the same folder that nobody disturbed: the same catalog, the same counts.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.dump import canonical_dump
from tests.integration.stack import Stack, check_ledger, stack
from tests.servers import wait_until

#: Small batches make a scan long enough to be harmed.
SLOWLY = {"NEEDLE_BATCH_FILES": "2"}


@pytest.fixture(scope="module")
def undisturbed(
    library: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[str], dict[str, int]]:
    """What a scan of the library gives when nothing happens."""
    with stack(tmp_path_factory.mktemp("undisturbed"), library) as running:
        scan = running.run_scan()
        return canonical_dump(running.data), scan["counts"]


@pytest.fixture
def scanning(tmp_path: Path, library: Path) -> Iterator[tuple[Stack, str]]:
    """A stack in the middle of its first scan."""
    with stack(tmp_path, library, **SLOWLY) as running:
        scan_id = running.start_scan()
        running.wait_for_stored(scan_id, 8)
        yield running, scan_id


def check_end(running: Stack, scan_id: str, undisturbed: tuple[list[str], dict[str, int]]) -> None:
    dump, counts = undisturbed
    scan: dict[str, Any] = running.wait_for_end(scan_id)
    assert scan["counts"] == counts
    assert canonical_dump(running.data) == dump
    tracks = running.value("SELECT count(*) FROM tracks")
    check_ledger(running, scan, counts["files_found"], tracks)


def test_scan_survives_a_killed_pool_process(scanning: Any, undisturbed: Any) -> None:
    running, scan_id = scanning
    for _ in range(4):
        for child in running.worker.children():
            child.kill()
            wait_until(lambda child=child: not child.is_running(), what="the child is gone")
    check_end(running, scan_id, undisturbed)


def test_scan_survives_a_killed_worker(scanning: Any, undisturbed: Any) -> None:
    running, scan_id = scanning
    children = running.worker.children()
    running.worker.kill()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive, "pool processes outlived their worker"
    running.worker.start(**SLOWLY)
    check_end(running, scan_id, undisturbed)


def test_scan_survives_a_killed_web_server(scanning: Any, undisturbed: Any) -> None:
    running, scan_id = scanning
    running.web.kill()
    running.web.start()
    check_end(running, scan_id, undisturbed)


def test_scan_survives_a_killed_redis(scanning: Any, undisturbed: Any) -> None:
    running, scan_id = scanning
    running.valkey.kill()
    running.valkey.start()
    check_end(running, scan_id, undisturbed)


def test_scan_survives_the_loss_of_redis_data(scanning: Any, undisturbed: Any) -> None:
    running, scan_id = scanning
    running.valkey.kill()
    running.valkey.lose_data()
    running.valkey.start()
    check_end(running, scan_id, undisturbed)


def test_scan_survives_a_frozen_redis(scanning: Any, undisturbed: Any) -> None:
    running, scan_id = scanning
    running.valkey.freeze()
    wait_until(lambda: not running.valkey.answers(), seconds=30, what="valkey is frozen")
    running.valkey.thaw()
    check_end(running, scan_id, undisturbed)


def test_scan_survives_a_frozen_worker(scanning: Any, undisturbed: Any) -> None:
    running, scan_id = scanning
    frozen = [running.worker.process.pid, *(c.pid for c in running.worker.children())]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    before = running.scan(scan_id)["counts"]
    for pid in reversed(frozen):
        os.kill(pid, signal.SIGCONT)
    assert before["files_found"]
    check_end(running, scan_id, undisturbed)


def test_scan_survives_everything_one_after_the_other(scanning: Any, undisturbed: Any) -> None:
    running, scan_id = scanning
    running.worker.children()[0].kill()
    running.wait_for_stored(scan_id, 14)
    running.worker.kill()
    running.worker.start(**SLOWLY)
    running.wait_for_stored(scan_id, 20)
    running.web.kill()
    running.web.start()
    running.wait_for_stored(scan_id, 26)
    running.valkey.kill()
    running.valkey.start()
    running.wait_for_stored(scan_id, 32)
    running.valkey.kill()
    running.valkey.lose_data()
    running.valkey.start()
    check_end(running, scan_id, undisturbed)
