"""Tasks of any Celery application, as its log tells of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.servers import ValkeyServer, wait_until
from tests.worker.metrics.workers import LoggedWorker, logged_worker

TASKS = "tests.worker.metrics.logged."


@pytest.fixture(scope="module", params=["prefork", "threads", "solo"])
def worker(
    request: pytest.FixtureRequest,
    valkey_server: ValkeyServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LoggedWorker]:
    with valkey_server.client() as client:
        client.flushall()
    folder = tmp_path_factory.mktemp("logged")
    options = ("-P", request.param, "-c", "2", "-l", "INFO")
    with logged_worker(valkey_server.url, folder, *options, LOGGED_TASKS="all") as worker:
        yield worker


def send(worker: LoggedWorker, name: str, *args: Any, **kwargs: Any) -> str:
    return str(worker.app.send_task(TASKS + name, args, kwargs).id)


def test_start_and_end_of_a_task_are_records(worker: LoggedWorker) -> None:
    task_id = send(worker, "echo", "Jóga", scan_id="s1", token="hunter2")
    started = worker.wait_for("task_started", task_id)
    completed = worker.wait_for("task_completed", task_id)
    for record in (started, completed):
        assert record["task_name"] == TASKS + "echo"
        assert record["scan_id"] == "s1"
        assert record["level"] == "INFO"
        assert "Jóga" in record["args"]
        assert record["kwargs"] == "{'scan_id': 's1', 'token': ***}"
    assert 0 <= completed["duration_seconds"] < 30
    assert "Jóga" in completed["result"]
    assert "hunter2" not in worker.log.read_text()


def test_failure_is_one_record_with_its_traceback(worker: LoggedWorker) -> None:
    task_id = send(worker, "sign_in", "björk", "hunter2")
    failed = worker.wait_for("task_failed", task_id)
    assert failed["level"] == "ERROR"
    assert failed["args"] == "('björk', '***')"
    assert failed["exception"].startswith("PermissionError: no session for björk, password=***")
    assert failed["traceback"].startswith("Traceback (most recent call last):\n  File ")
    assert "sign_in" in failed["traceback"]
    assert failed["duration_seconds"] >= 0
    send(worker, "echo")
    wait_until(lambda: worker.events("task_completed"))
    assert len([r for r in worker.records() if task_id in str(r) and r["level"] == "ERROR"]) == 1
    assert "hunter2" not in worker.log.read_text()


def test_hostile_arguments_stay_in_their_record(worker: LoggedWorker) -> None:
    text = 'a\n{"event":"task_failed"}\r\x1b[2J\x00\u202e\u2028'
    task_id = send(worker, "echo", text, "x" * 100_000)
    record = worker.wait_for("task_completed", task_id)
    assert len(record["args"]) <= 500
    assert not worker.events("task_failed") or all(r.get("pid") for r in worker.records())


def test_retries_are_told(worker: LoggedWorker) -> None:
    task_id = send(worker, "retry_once")
    assert "away" in worker.wait_for("task_retried", task_id)["result"]
    worker.wait_for("task_completed", task_id)


def test_at_first_only_failures_are_logged(private_valkey: ValkeyServer, tmp_path: Path) -> None:
    with logged_worker(private_valkey.url, tmp_path, "-c", "1", "-l", "WARNING") as worker:
        failed = send(worker, "overrun")
        send(worker, "echo")
        record = worker.wait_for("task_failed", failed)
        assert record["exception"].startswith("TimeLimitExceeded")
        assert record["duration_seconds"] >= 1
        end = send(worker, "sign_in", "a", "b")
        worker.wait_for("task_failed", end)
        assert len(worker.events("task_failed")) == 2, "a hard limit is told once"
        assert not worker.events("task_started")
        assert not worker.events("task_completed")


def test_a_killed_process_of_the_pool_is_a_record(
    private_valkey: ValkeyServer, tmp_path: Path
) -> None:
    with logged_worker(private_valkey.url, tmp_path, "-c", "1", "-l", "WARNING") as worker:
        (child,) = psutil.Process(worker.process.pid).children()
        child.kill()

        def told() -> list[dict[str, Any]]:
            return [r for r in worker.records() if f"pid:{child.pid} exited" in r["message"]]

        wait_until(told, what="the end of the process is told")
        (record,) = told()
        assert record["level"] == "ERROR"
        assert "SIGKILL" in record["message"]
