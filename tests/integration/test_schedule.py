"""Scans that start, pause and go on by themselves, through real processes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
import redis

from tests.integration.stack import Stack, check_ledger, stack
from tests.servers import wait_until
from wire.events import load
from wire.roots import make_root
from wire.schedule import ScheduleStatus
from wire.text import path_to_wire

DAY = 24 * 3600.0
#: One file a batch: a scan takes some seconds.
SLOW = {"NEEDLE_BATCH_FILES": "1", "NEEDLE_TIMEZONE": "UTC"}


def clock(minutes: int) -> str:
    """The clock time in so many minutes, UTC."""
    return f"{datetime.now(UTC) + timedelta(minutes=minutes):%H:%M}"


def quiet_now() -> str:
    return f"{clock(-60)}-{clock(60)}"


def status(client: redis.Redis) -> ScheduleStatus | None:
    doc = client.get("needle:schedule")
    return load(ScheduleStatus, doc) if isinstance(doc, bytes) else None


def wait_for_look(client: redis.Redis) -> None:
    """Until a worker has acted on the clock once more."""
    since = time.time()
    wait_until(lambda: (s := status(client)) and s.at > since, what="a worker looked at the clock")


def restart_worker(parts: Stack, **environ: str) -> None:
    parts.worker.stop()
    parts.worker.start(**SLOW | environ)


def scan_of(parts: Stack, actor: str) -> str:
    """The id of the scan that `actor` asked for, once there is one."""

    def newest() -> str | None:
        scans = parts.get("/api/v1/scans")["scans"]
        return next((scan["id"] for scan in scans if scan["requested_by"] == actor), None)

    return str(wait_until(newest, what=f"a scan by {actor}"))


@pytest.fixture
def client(slow: Stack) -> Iterator[redis.Redis]:
    with slow.valkey.client() as connected:
        yield connected


@pytest.fixture
def slow(tmp_path: Path, music: Path) -> Iterator[Stack]:
    """A running stack in which a scan takes some seconds."""
    with stack(tmp_path, music, **SLOW) as parts:
        yield parts


@pytest.fixture
def changed(slow: Stack, client: redis.Redis) -> Callable[[bytes], str]:
    """Report a changed folder as the watcher does; gives the id of the scan that follows."""
    root = make_root(str(slow.music))

    def report(folder: bytes) -> str:
        client.hset("needle:watch:changed", root.id, path_to_wire(folder))
        return scan_of(slow, "watch")

    return report


def test_missed_time_is_made_up_for_once(slow: Stack, client: redis.Redis) -> None:
    schedule = {"NEEDLE_SCHEDULE": f"daily {clock(-5)} normal"}
    restart_worker(slow, **schedule)
    wait_for_look(client)
    assert slow.get("/api/v1/scans")["scans"] == [], "what passed before it was set is not missed"

    # As it is when the machine was off since yesterday.
    field = f"{make_root(str(slow.music)).id}:full"
    client.hset("needle:schedule:started", field, str(time.time() - DAY))
    restart_worker(slow, **schedule)
    scan = slow.wait_for_end(scan_of(slow, "schedule"))
    assert scan["mode"] == "normal"
    told = status(client)
    assert told is not None
    assert told.next_scan_at is not None
    assert 23 * 3600 < told.next_scan_at - time.time() < DAY

    client.flushall()  # the catalog knows as well
    restart_worker(slow, **schedule)
    wait_for_look(client)
    assert slow.value("SELECT count(*) FROM scans") == 1


def test_quiet_hours_pause_a_scan_which_goes_on_afterwards(
    slow: Stack, client: redis.Redis, changed: Callable[[bytes], str]
) -> None:
    scan_id = changed(b"")
    wait_until(lambda: slow.scan(scan_id)["counts"]["new"], what="something is stored")

    restart_worker(slow, NEEDLE_QUIET_HOURS=quiet_now())
    slow.wait_for_state(scan_id, "paused")
    told = status(client)
    assert told is not None
    assert told.quiet_until is not None
    until = datetime.fromtimestamp(told.quiet_until, UTC)
    assert slow.scan(scan_id)["reason"] == f"Paused by quiet hours until {until:%H:%M}."

    restart_worker(slow, NEEDLE_QUIET_HOURS=f"{clock(60)}-{clock(120)}")
    scan = slow.wait_for_end(scan_id)
    assert scan["state"] == "completed_with_problems"
    check_ledger(
        slow, scan, scan["counts"]["files_found"], slow.value("SELECT count(*) FROM tracks")
    )


def test_person_goes_before_quiet_hours(
    slow: Stack, client: redis.Redis, changed: Callable[[bytes], str]
) -> None:
    scan_id = changed(b"")
    wait_until(lambda: slow.scan(scan_id)["counts"]["new"], what="something is stored")
    restart_worker(slow, NEEDLE_QUIET_HOURS=quiet_now())
    slow.wait_for_state(scan_id, "paused")

    slow.request("POST", f"/api/v1/scans/{scan_id}/resume")
    assert slow.wait_for_end(scan_id)["state"] == "completed_with_problems"

    client.hset("needle:watch:changed", make_root(str(slow.music)).id, "")
    wait_for_look(client)
    assert client.hlen("needle:active") == 0, "what is not urgent waits"
    assert slow.run_scan("full")["requested_by"] == "api"


def test_pause_of_a_person_is_kept(slow: Stack, client: redis.Redis) -> None:
    scan_id = slow.start_scan()
    wait_until(lambda: slow.scan(scan_id)["counts"]["new"], what="something is stored")
    slow.request("POST", f"/api/v1/scans/{scan_id}/pause")
    slow.wait_for_state(scan_id, "paused")
    for hours in (quiet_now(), ""):
        restart_worker(slow, NEEDLE_QUIET_HOURS=hours)
        wait_for_look(client)
        assert slow.scan(scan_id)["reason"] == "Paused by api."


def test_changed_folder_waits_for_the_scan_that_runs(
    slow: Stack, client: redis.Redis, changed: Callable[[bytes], str]
) -> None:
    first = slow.start_scan()
    folder = sorted(path for path in slow.music.iterdir() if path.is_dir())[0]
    scan_id = changed(folder.name.encode())
    assert slow.scan(first)["finished_at"], "one scan of a root at a time"
    scan = slow.wait_for_end(scan_id)
    assert scan["folder"] == folder.name
    assert client.hlen("needle:watch:changed") == 0


def test_scans_give_way_to_other_programs(slow: Stack) -> None:
    restart_worker(slow, NEEDLE_NICE="true")
    wait_until(lambda: any(map(_gives_way, slow.worker.children())), what="lowest priority")
    assert psutil.Process(slow.worker.process.pid).nice() == psutil.Process().nice()


def _gives_way(process: psutil.Process) -> bool:
    try:
        idle = sys.platform != "linux" or process.ionice().ioclass == psutil.IOPRIO_CLASS_IDLE
        return idle and process.nice() == 19
    except psutil.NoSuchProcess:  # the one that migrates, for a moment
        return False
