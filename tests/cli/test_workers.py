"""`needle inspect`, `revoke`, `shutdown`, `events`, `purge-queue`, against real workers."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.cli.running import NEEDLE, environment, needle
from tests.servers import ValkeyServer, free_port, valkey, wait_until
from tests.worker.metrics.workers import NAME, LoggedWorker, logged_worker
from wire.events import Activity, decode
from wire.keys import Keys

TASKS = "tests.worker.metrics.logged."
KEYS = Keys()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(scope="module")
def worker(
    server: ValkeyServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LoggedWorker]:
    folder = tmp_path_factory.mktemp("worker")
    with logged_worker(server.url, folder, "-c", "1", LOGGED_TASKS="all") as worker:
        yield worker


def on(server: ValkeyServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    return needle(*arguments, NEEDLE_REDIS_URL=server.url)


def activity(server: ValkeyServer) -> list[tuple[str, str, str]]:
    with server.client() as client:
        entries: Any = client.xrange(KEYS.activity)
    found = [decode(fields) for _, fields in entries]
    return [(e.actor, e.action, e.target) for e in found if isinstance(e, Activity)]


def running_task(worker: LoggedWorker, seconds: float = 30) -> str:
    task_id = str(worker.app.send_task(TASKS + "sleep", (seconds,)).id)
    worker.wait_for("task_started", task_id)
    return task_id


def test_worker_answers_what_it_is_asked(server: ValkeyServer, worker: LoggedWorker) -> None:
    assert on(server, "inspect", "ping").stdout == f"{NAME} answers\n"
    assert f"  {TASKS}echo\n" in on(server, "inspect", "registered").stdout
    assert f"{NAME}: pid {worker.process.pid}, up " in on(server, "inspect", "stats").stdout
    document = json.loads(on(server, "inspect", "stats", "--json").stdout)
    assert document["workers"][NAME]["pool"]["max-concurrency"] == 1
    assert document["silent"] == []


def test_answers_come_at_once_while_the_pool_is_busy(
    server: ValkeyServer, worker: LoggedWorker
) -> None:
    task_id = running_task(worker)
    began = time.monotonic()
    shown = on(server, "inspect", "active", "--timeout", "40").stdout
    assert time.monotonic() - began < 30, "nobody waits for the whole timeout"
    assert f"  {task_id} {TASKS}sleep, " in shown
    assert "(30" in shown or "[30" in shown

    said = on(server, "revoke", task_id).stdout
    assert said == f"{task_id} runs on {NAME} and goes on: --terminate ends it\n"
    said = on(server, "revoke", task_id, "--terminate").stdout
    assert said == f"{task_id} runs on {NAME}: its process was told to end (SIGTERM)\n"
    assert worker.wait_for("task_revoked", task_id)["reason"] == "terminated"
    assert ("terminal", "task.revoked", task_id) in activity(server)


def test_task_that_waits_is_not_begun(server: ValkeyServer, worker: LoggedWorker) -> None:
    said = on(server, "revoke", "11111111-0000-0000-0000-000000000000").stdout
    assert said.endswith("is revoked: workers that run now will not begin it\n")
    worker.app.send_task(TASKS + "echo", task_id="11111111-0000-0000-0000-000000000000")
    record = worker.wait_for("task_revoked", "11111111-0000-0000-0000-000000000000")
    assert record["reason"] == "revoked"


def test_events_are_switched(server: ValkeyServer, worker: LoggedWorker) -> None:
    assert on(server, "events", "on").stdout == f"{NAME}: events are on\n"
    assert on(server, "events", "off", NAME).stdout == f"{NAME}: events are off\n"
    assert {("terminal", "worker.events_on", NAME), ("terminal", "worker.events_off", NAME)} <= set(
        activity(server)
    )


def test_one_that_is_not_there_is_unknown(server: ValkeyServer, worker: LoggedWorker) -> None:
    done = on(server, "inspect", "ping", NAME, "other@host", "--timeout", "1")
    assert (done.returncode, done.stdout) == (0, f"{NAME} answers\n")
    assert (
        done.stderr == "needle: other@host gave no answer within 1 s: whether it runs is unknown\n"
    )


def test_frozen_worker_is_unknown_and_nobody_waits_long(
    server: ValkeyServer, worker: LoggedWorker
) -> None:
    worker.process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        for command in (["inspect", "ping"], ["shutdown"], ["events", "on"], ["revoke", "x"]):
            done = on(server, *command, "--timeout", "0.5")
            assert done.returncode == 1, done
            assert done.stderr.startswith(f"needle: no worker answered within 0.5 s ({NAME})")
        assert "Nobody has noted the revocation" in done.stderr
        assert time.monotonic() - began < 60
    finally:
        worker.process.send_signal(signal.SIGCONT)
    wait_until(lambda: on(server, "inspect", "ping").returncode == 0, seconds=30)


def test_wedged_pool_is_seen_in_what_it_runs(server: ValkeyServer, worker: LoggedWorker) -> None:
    task_id = running_task(worker)
    pool = psutil.Process(worker.process.pid).children()
    for process in pool:
        process.suspend()
    try:
        assert on(server, "inspect", "ping").stdout == f"{NAME} answers\n"
        assert task_id in on(server, "inspect", "active").stdout
    finally:
        for process in pool:
            process.resume()
    on(server, "revoke", task_id, "--terminate")
    worker.wait_for("task_revoked", task_id)


def test_commands_leave_nothing_in_redis(server: ValkeyServer, worker: LoggedWorker) -> None:
    on(server, "inspect", "ping")
    with server.client() as client:
        before = set(client.keys())
        on(server, "inspect", "ping")
        assert set(client.keys()) == before
        assert not client.keys("*reply*")


def test_running_tasks_are_not_handed_out_again(private_valkey: ValkeyServer) -> None:
    with private_valkey.client() as client:
        client.hset("unacked", "tag", json.dumps([{"properties": {}}, "", "jobs"]))
        client.zadd("unacked_index", {"tag": time.time() - 30 * 24 * 3600})
        for _ in range(3):
            on(private_valkey, "inspect", "ping", "--timeout", "0.5")
        assert client.hexists("unacked", "tag")
        assert not client.exists("jobs")


def test_nobody_there_is_said_plainly(private_valkey: ValkeyServer) -> None:
    for command in (["inspect", "active"], ["shutdown"], ["events", "off"]):
        done = on(private_valkey, *command, "--timeout", "0.5")
        assert (done.returncode, done.stdout) == (1, "")
        assert "no worker answered within 0.5 s. That does not mean that none runs" in done.stderr
    done = on(private_valkey, "revoke", "x", "--timeout", "0.5")
    assert "no worker answered within 0.5 s. Nobody has noted the revocation" in done.stderr
    assert activity(private_valkey) == []


def test_redis_that_is_away_or_hangs_is_said_in_time(private_valkey: ValkeyServer) -> None:
    done = needle("inspect", "ping", NEEDLE_REDIS_URL=f"redis://:hunter2@127.0.0.1:{free_port()}/0")
    assert done.returncode == 1
    assert done.stderr.startswith("needle: Redis at redis://:***@127.0.0.1:")
    private_valkey.freeze()
    began = time.monotonic()
    done = on(private_valkey, "inspect", "ping", "--timeout", "0.5")
    assert done.returncode == 1
    assert time.monotonic() - began < 30
    private_valkey.thaw()


def test_shutdown_ends_the_worker_it_names(private_valkey: ValkeyServer, tmp_path: Path) -> None:
    with logged_worker(private_valkey.url, tmp_path, "-c", "1") as worker:
        said = on(private_valkey, "shutdown", NAME).stdout
        assert said in (f"{NAME} has ended\n", f"{NAME} was asked to end, after its tasks\n")
        assert worker.process.wait(20) == 0
    assert ("terminal", "worker.shutdown_asked", NAME) in activity(private_valkey)


@pytest.mark.parametrize("separator", [":", "\x06\x16"])
def test_queue_is_purged_when_its_name_is_typed(
    private_valkey: ValkeyServer, separator: str
) -> None:
    with private_valkey.client() as client:
        client.sadd("_kombu.binding.celery.pidbox", f"{separator * 2}old@host.celery.pidbox")
        for name in ("jobs", f"jobs{separator}9", "other"):
            client.rpush(name, "1", "2")
        client.set("jobs:note", "mine")

        def purge(*options: str, typed: str = "") -> subprocess.CompletedProcess[str]:
            command = [*NEEDLE, "purge-queue", "jobs", *options]
            environ = environment(NEEDLE_REDIS_URL=private_valkey.url)
            return subprocess.run(
                command,
                env=environ,
                input=typed,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )

        for typed in ("", "y\n", "other\n"):
            done = purge(typed=typed)
            assert (done.returncode, client.llen("jobs")) == (1, 2), done
        done = purge(typed="jobs\n")
        assert "4 waiting messages of the queue jobs deleted" in done.stdout
        assert client.exists("jobs", f"jobs{separator}9") == 0
        assert client.llen("other") == 2
        assert client.get("jobs:note") == b"mine"
        assert activity(private_valkey) == [("terminal", "queue.purged", "jobs")]
        assert json.loads(purge("--yes", "--json").stdout) == {"queue": "jobs", "purged": 0}
        done = on(private_valkey, "purge-queue", "jobs:note", "--yes")
        assert "is a key of another kind" in done.stderr


def test_strange_names_are_refused(private_valkey: ValkeyServer) -> None:
    for command in (["revoke", ""], ["inspect", "ping", "a\nb"], ["purge-queue", "\x1b[31m"]):
        done = on(private_valkey, *command, *([] if command[0] != "purge-queue" else ["--yes"]))
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        assert "\x1b" not in done.stderr
