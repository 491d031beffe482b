"""Redis holds what it should and no more, and a worker outlives whatever else stands there."""

from __future__ import annotations

import re

from tests.forged_keys import FORGERS, all_keys
from tests.integration.stack import Stack
from tests.servers import wait_until
from wire.keys import ACTIVITY_LENGTH, EVENTS_LENGTH, PROBLEMS_KEPT, SCANS_KEPT, Keys
from worker.shapes import TYPES

KEYS = Keys()
#: Without a lifetime, and why they do not grow: strings, streams that are cut, sets of what is
#: kept or configured, counters whose labels are counted.
BOUNDED = {
    "epoch", "restored", "overview", "events", "activity", "scans", "active", "scan", "problems",
    "recalled", "roots", "workers", "scheduled", "changed", "size_limits", "sizes", "sizes_since",
    "metrics_totals", "metrics_hosts", "metrics_domain", "recent", "recent_tasks",
}  # fmt: skip


def patterns() -> dict[str, re.Pattern[str]]:
    """Name of a key -> what it looks like with any argument."""
    arguments = dict.fromkeys(
        ("scan_id", "batch_id", "answer_id", "name", "host", "span", "at", "process", "day"), "ANY"
    )
    return {
        name: re.compile(re.escape(key).replace("ANY", r"[^:]+(?::\d+)?"))
        for name, key in all_keys(KEYS, **arguments).items()
    }


def test_every_key_is_ours_and_bounded(running: Stack) -> None:
    for mode in ("quick", "full", "quick"):
        assert running.run_scan(mode)["state"].startswith("completed")
    running.get("/api/v1/library")
    with running.valkey.client() as client:
        names = {name.decode() for name in client.keys("*")}  # type: ignore[union-attr]
        assert names
        for name in sorted(names):
            if name in TYPES or re.fullmatch(r"needle@[\w.-]+\.celery\.pidbox.*", name):
                continue
            known = [key for key, pattern in patterns().items() if pattern.fullmatch(name)]
            assert known, f"{name} is not in wire/keys.py"
            assert client.ttl(name) > 0 or BOUNDED & set(known), f"{name} stays for ever"
        assert client.xlen(KEYS.events) <= EVENTS_LENGTH + 100
        assert client.xlen(KEYS.activity) <= ACTIVITY_LENGTH + 100
        assert client.zcard(KEYS.scans) <= SCANS_KEPT
        scan_id = client.zrange(KEYS.scans, -1, -1)[0].decode()  # type: ignore[index]
        assert client.zcard(KEYS.problems(scan_id)) <= PROBLEMS_KEPT


def test_worker_outlives_forged_keys(running: Stack) -> None:
    before = running.worker.children()[0].pid
    with running.valkey.client() as client:
        # Given other types and texts under every key of ours while scans are asked for
        for forge in FORGERS.values():
            for key in all_keys(KEYS).values():
                client.delete(key)
                forge(client, key, b"<script>")
            client.lpush("maintenance", b"x")
            wait_until(lambda: not client.llen("maintenance"), what="the worker takes messages")
        assert running.worker.is_alive()
        # then it works as ever when they are gone.
        client.flushall()
        assert running.run_scan()["state"].startswith("completed")
        assert before in {child.pid for child in running.worker.children()}
        # A queue that is none ends a worker once; the next one clears it away.
        client.set("scan", "no list")
        wait_until(lambda: not running.worker.is_alive(), seconds=40, what="the worker ends")
        running.worker.start()
        wait_until(lambda: client.type("scan") != b"string", seconds=40, what="it is cleared away")
        assert running.run_scan()["state"].startswith("completed")
