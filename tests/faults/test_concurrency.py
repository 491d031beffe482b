"""Everybody at once, messages twice and out of order, two workers, stops at any moment."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.soak import Sample, grown, soak
from tests.faults.page import banner, status
from tests.integration.stack import Part, Stack, check_ledger, stack
from tests.servers import wait_until
from web.dispatch import Dispatcher
from wire.events import Scan, load
from wire.names import EXTRACT_BATCH, INSERT_BATCH, PROCESS_ENTITIES, SCAN_DISCOVERY, SCAN_FINISH
from wire.starting import discovery_arguments

SLOWLY = {"NEEDLE_BATCH_FILES": "2"}


def finish(running: Stack, scan_id: str) -> None:
    scan = running.wait_for_end(scan_id)
    assert scan["state"] == "completed_with_problems"
    check_ledger(running, scan, scan["files_found"], running.value("SELECT count(*) FROM tracks"))


def test_fifty_starts_at_once_are_one_scan(tmp_path: Path, music: Path) -> None:
    with stack(tmp_path, music, **SLOWLY) as running, ThreadPoolExecutor(50) as people:
        ids = set(people.map(lambda _: running.start_scan(), range(50)))
        assert len(ids) == 1
        assert len(status(running)["active_scans"]) <= 1
        finish(running, ids.pop())
        assert running.value("SELECT count(*) FROM scans") == 1


def test_messages_doubled_shuffled_and_late_change_nothing(tmp_path: Path, music: Path) -> None:
    with stack(tmp_path, music, **SLOWLY) as running:
        dispatcher = Dispatcher(running.valkey.url)
        scan_id = running.start_scan()
        with running.valkey.client() as client:
            asked = load(Scan, client.hget(f"needle:scan:{scan_id}", "doc") or b"")
        running.wait_for_stored(scan_id, 2)

        def disturb() -> None:
            batches = [row[0] for row in running.rows("SELECT id FROM batches LIMIT 6")]
            tasks = (EXTRACT_BATCH, PROCESS_ENTITIES, INSERT_BATCH)
            messages = [(task, {"batch_id": i}) for i in batches for task in tasks] * 3
            messages += [(SCAN_FINISH, {"scan_id": scan_id})] * 3
            messages += [(SCAN_DISCOVERY, dict(discovery_arguments(asked)))] * 3
            random.Random(5).shuffle(messages)
            for task, arguments in messages:
                asyncio.run(dispatcher.send(task, **arguments))

        disturb()
        finish(running, scan_id)
        ended = running.scan(scan_id)
        tracks = running.rows("SELECT * FROM tracks ORDER BY id")
        disturb()
        with running.valkey.client() as client:
            queues = ("insert:3", "batch:3", "extract:3", "scan:3", "scan")
            wait_until(
                lambda: not client.exists(*queues) and not client.hlen("unacked"),
                seconds=60,
                what="all messages are taken",
            )
        dispatcher.close()
        assert running.rows("SELECT * FROM tracks ORDER BY id") == tracks
        assert running.scan(scan_id)["counts"] == ended["counts"]
        finish(running, scan_id)


def has_workers(running: Stack, second: Part, workers: int) -> bool:
    ready = "ready." in second.log.read_text()
    return ready and len(status(running)["workers"]) == workers


def test_two_workers_share_a_scan_whatever_their_names(tmp_path: Path, music: Path) -> None:
    with stack(tmp_path, music, **SLOWLY) as running:
        for name, workers in (("needle", 1), ("another", 2)):
            second = Part(
                "second", running.worker.command, running.worker.environ, tmp_path / "second.log"
            )
            second.start(**SLOWLY, NEEDLE_WORKER_NAME=name)
            try:
                wait_until(partial(has_workers, running, second, workers), what="both are shown")
                finish(running, running.start_scan("full"))
            finally:
                second.stop()
                second.log.unlink()


def test_stop_and_start_again_at_any_moment(tmp_path: Path, music: Path) -> None:
    with stack(tmp_path, music, NEEDLE_BATCH_FILES="1") as running:
        # at once, then when some files are stored, and more
        for stored in (0, 2, 8):
            scan_id = running.start_scan("full")
            if stored:
                running.wait_for_stored(scan_id, stored)
            running.request("POST", f"/api/v1/scans/{scan_id}/stop")
            after = running.start_scan("full")  # the same one while it stops, or a new one
            assert running.wait_for_end(scan_id, seconds=20)["state"] == "cancelled"
            if after != scan_id:
                running.request("POST", f"/api/v1/scans/{after}/stop")
                running.wait_for_end(after, seconds=20)
            assert banner(running).startswith("cancelled:")
        finish(running, running.start_scan("full"))
        assert running.value("SELECT count(*) FROM scans WHERE active") == 0
        assert running.value("SELECT count(*) FROM batches WHERE state NOT IN"
                             " ('done', 'cancelled')") == 0  # fmt: skip


def test_stop_before_a_worker_began_and_while_paused(tmp_path: Path, music: Path) -> None:
    with stack(tmp_path, music, NEEDLE_BATCH_FILES="1") as running:
        os.kill(running.worker.process.pid, signal.SIGSTOP)
        queued = running.start_scan()
        assert running.request("POST", f"/api/v1/scans/{queued}/stop")["state"] == "cancelled"
        os.kill(running.worker.process.pid, signal.SIGCONT)
        paused = running.start_scan()
        running.wait_for_stored(paused, 2)
        running.request("POST", f"/api/v1/scans/{paused}/pause")
        running.wait_for_state(paused, "paused")
        running.request("POST", f"/api/v1/scans/{paused}/stop")
        assert running.wait_for_end(paused, seconds=20)["state"] == "cancelled"
        assert banner(running).startswith("cancelled:")
        finish(running, running.start_scan("full"))
        assert running.scan(queued)["state"] == "cancelled"
        assert running.value("SELECT count(*) FROM scans WHERE id = ?", queued) == 0


def test_many_scans_leave_memory_keys_and_files_flat(tmp_path: Path, music: Path) -> None:
    """`bench/soak.py` does the same a thousand times."""
    with stack(tmp_path, music) as running, running.valkey.client() as client:
        samples = soak(running, scans=24, every=3)
        assert grown(samples) == []
        assert client.zcard("needle:scans") == 24
        with closing(sqlite3.connect(running.data / "library.db")) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_growth_is_told() -> None:
    flat = [Sample(n, 50, 2.0, 50.0, 60.0, 70.0, 90, 1.0) for n in range(8)]
    assert grown(flat) == []
    leaks = [replace(sample, worker=60.0 + 5 * n) for n, sample in enumerate(flat)]
    assert grown(leaks) == ["worker: 72 became 92"]
    assert grown([replace(sample, keys=20 * n) for n, sample in enumerate(flat)])
