"""Needle and another Celery application on one Redis: both are in the metrics and in the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from celery import Celery

from tests.integration.stack import Stack, stack
from tests.servers import wait_until
from tests.web.scraping import Samples, samples_of, value
from tests.worker.metrics.running import PREFIX, foreign_worker
from worker.metrics import install


@pytest.fixture(scope="module")
def both(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that has scanned, and a worker of another application with one process."""
    folder = tmp_path_factory.mktemp("both")
    with stack(folder, library) as running:
        running.run_scan()
        with foreign_worker(running.valkey, folder, "-c", "1"):
            yield running


@pytest.fixture
def sender(both: Stack) -> Iterator[Celery]:
    """Somebody who sends tasks, with the metrics installed: they are known from then on."""
    with Celery("sender", broker=both.valkey.url, set_as_current=False) as app:
        app.conf.update(task_default_queue="foreign", task_ignore_result=True)
        metrics = install(app, redis_url=both.valkey.url)
        yield app
        metrics.disconnect()  # signals are global: other tests of this process send as well
        metrics.recorder.finish()


def send(sender: Celery, task: str, *args: object) -> str:
    """Send a task of the other application; its id."""
    return str(sender.send_task(PREFIX + task, args=args).id)


def status(both: Stack, task_id: str) -> dict[str, Any]:
    """What the API says of a task, {} while it is not known."""
    answer = requests.get(f"{both.url}/api/v1/celery/tasks/{task_id}/status", timeout=10)
    return dict(answer.json()) if answer.ok else {}


def wait_for_state(both: Stack, task_id: str, state: str) -> dict[str, Any]:
    wait_until(
        lambda: status(both, task_id).get("state") == state,
        seconds=40,
        what=f"{task_id} is {state}, not {status(both, task_id)}",
    )
    return status(both, task_id)


def test_both_applications_are_in_the_metrics(both: Stack, sender: Celery) -> None:
    ids = [send(sender, task) for task in ("echo", "fail", "retry_twice")]
    wait_for_state(both, ids[-1], "SUCCESS")

    retried = {"task_name": f"{PREFIX}retry_twice", "reason": "ConnectionError"}

    def told() -> Samples | None:
        samples = samples_of(both.text("/metrics"))
        return samples if value(samples, "celery_task_retries_total", **retried) == 2 else None

    found = wait_until(told, what="the other application is in the metrics")
    assert isinstance(found, dict)
    assert value(found, "celery_workers_active") == 2
    assert value(found, "celery_worker_up", hostname="here") == 1
    assert value(found, "celery_queue_length", queue_name="foreign") == 0
    assert value(found, "celery_queue_length", queue_name="extract") == 0
    assert value(found, "celery_active_worker_count", queue_name="foreign") == 1
    failed = {"name": f"{PREFIX}fail", "hostname": "here", "queue_name": "foreign"}
    assert value(found, "celery_task_failed_total", exception="ValueError", **failed) == 1
    echo = {"task_name": f"{PREFIX}echo", "status": "success"}
    assert (value(found, "celery_task_total", **echo) or 0) >= 1
    batch = {"task_name": "metadata.extract_batch", "status": "success"}
    assert (value(found, "celery_task_total", **batch) or 0) >= 1
    assert (value(found, "celery_task_duration_seconds_count", **batch) or 0) >= 1
    assert (value(found, "needle_scan_files_found") or 0) > 0


def test_client_of_the_task_guide(both: Stack, sender: Celery) -> None:
    """The Python client of the document that the API is made after."""
    task_id = send(sender, "sleep", 600)
    wait_for_state(both, task_id, "STARTED")
    base = f"{both.url}/api/v1/celery"

    def active() -> int:
        response = requests.get(f"{base}/tasks/status", timeout=10)
        data = response.json()
        return int(data["summary"]["active"])

    wait_until(lambda: active() == 1, what="one task is active")
    response = requests.get(f"{base}/tasks/{task_id}/status", timeout=10)
    assert response.json()["state"] == "STARTED"
    refused = requests.post(f"{base}/tasks/{task_id}/revoke", timeout=10)
    assert refused.json()["error"]["code"] == "task_running"

    waiting = send(sender, "echo", "never")
    wait_for_state(both, waiting, "PENDING")
    assert requests.post(f"{base}/tasks/{waiting}/revoke", timeout=10).status_code == 202
    ended = requests.post(
        f"{base}/tasks/{task_id}/revoke", params={"terminate": "true"}, timeout=10
    )
    assert ended.status_code == 202
    wait_for_state(both, task_id, "REVOKED")
    told = wait_for_state(both, waiting, "REVOKED")
    assert (told["ready"], told["successful"]) == (True, False)
    again = requests.post(f"{base}/tasks/{waiting}/revoke", timeout=10)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "task_ended")


def test_health_and_queues_know_both(both: Stack) -> None:
    base = f"{both.url}/api/v1/celery"
    health = requests.get(f"{base}/health", timeout=10).json()
    assert (health["status"], health["workers"]) == ("healthy", 2), health
    workers = requests.get(f"{base}/workers/status", timeout=10).json()["workers"]
    assert {worker["pool"]["max_concurrency"] for worker in workers} == {1, 2}
    queues = requests.get(f"{base}/queues/status", timeout=10).json()["queues"]
    assert {"foreign", "extract"} <= {queue["name"] for queue in queues}
    assert all(queue["consumers"] == 1 for queue in queues)

    def summary() -> dict[str, Any]:
        return dict(requests.get(f"{base}/metrics/summary", timeout=10).json())

    assert summary()["workers"]["total"] == 2
    wait_until(  # the scan is over before the last second of its counters is written
        lambda: "metadata.extract_batch" in summary()["tasks"]["by_name"],
        what="the tasks of the scan are in the summary",
    )
