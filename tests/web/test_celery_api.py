"""Tasks, workers and queues by the paths of the task guide: shapes, errors, and revoking."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest
import redis

from tests.servers import ValkeyServer, wait_until
from tests.web.conftest import page_server
from tests.web.counted import counting, ran
from tests.web.records import KEYS, beat, publish
from tests.web.test_openapi import validate
from wire.events import Activity, RunningTask, decode, dump
from wire.tasks import FAILURE, PENDING, STARTED, SUCCESS, TaskRecord

BASE = "/api/v1/celery"


def record(client: redis.Redis, **fields: Any) -> TaskRecord:
    """A record of a task, as the recorder writes it."""
    made = TaskRecord(**{"id": "abc123", "name": "shop.pay", "state": SUCCESS} | fields)
    client.hset(KEYS.recent_tasks, made.id, f"{made.order} {dump(made)}")
    return made


def running(client: redis.Redis, http: httpx.Client, **fields: Any) -> None:
    """A worker that runs the task `abc123`."""
    task = RunningTask("abc123", "shop.pay", since=1641120600.0)
    values: dict[str, Any] = {
        "pool": "prefork", "processes": 4, "processes_max": 4, "busy": 2, "prefetch": 4,
        "reserved": 2, "registered": 1, "running": (task,),
    }  # fmt: skip
    publish(client, beat("celery@worker1", **values | fields))
    wait_until(lambda: workers(http) == ["celery@worker1"], what="the worker is known")


def workers(http: httpx.Client) -> list[str]:
    answer = http.get(f"{BASE}/workers/status")
    # A page that has just met a damaged key of another test takes some seconds to come back.
    found = answer.json()["workers"] if answer.status_code == 200 else [{"name": "not known"}]
    return [str(worker["name"]) for worker in found]


def activity(client: redis.Redis) -> list[Activity]:
    entries: Any = client.xrange(KEYS.activity)
    return [event for _, fields in entries if isinstance(event := decode(fields), Activity)]


def test_tasks_status_has_the_shape_of_the_guide(
    http: httpx.Client, redis_client: redis.Redis
) -> None:
    running(redis_client, http)
    answer = http.get(f"{BASE}/tasks/status")
    validate(answer, f"{BASE}/tasks/status")
    assert answer.json() | {"timestamp": ""} == {
        "timestamp": "",
        "summary": {"active": 2, "reserved": 2, "scheduled": 0, "total_pending": 4},
        "active_tasks": [
            {
                "worker": "celery@worker1",
                "task_id": "abc123",
                "task_name": "shop.pay",
                "time_start": 1641120600.0,
            }
        ],
        "workers": ["celery@worker1"],
    }


def test_workers_status_has_the_shape_of_the_guide(
    http: httpx.Client, redis_client: redis.Redis
) -> None:
    running(redis_client, http)
    answer = http.get(f"{BASE}/workers/status")
    validate(answer, f"{BASE}/workers/status")
    assert answer.json() | {"timestamp": ""} == {
        "timestamp": "",
        "total_workers": 1,
        "workers": [
            {
                "name": "celery@worker1",
                "status": "online",
                "pool": {"max_concurrency": 4, "busy_workers": 2},
                "prefetch_count": 4,
            }
        ],
    }


def test_task_that_succeeded_brings_its_result(
    http: httpx.Client, redis_client: redis.Redis
) -> None:
    left = {"status": "SUCCESS", "result": {"model_run_id": "7"}, "traceback": None}
    redis_client.set("celery-task-meta-ended", json.dumps(left))
    answer = http.get(f"{BASE}/tasks/ended/status")
    validate(answer, f"{BASE}/tasks/{{task_id}}/status")
    told = answer.json()
    assert (told["state"], told["ready"], told["successful"]) == ("SUCCESS", True, True)
    assert told["result"] == {"model_run_id": "7"}


def test_task_that_failed_says_why(http: httpx.Client, redis_client: redis.Redis) -> None:
    record(
        redis_client, id="ended", state=FAILURE, exception="ValueError: no", worker="w@x", retries=1
    )
    told = http.get(f"{BASE}/tasks/ended/status").json()
    assert (told["state"], told["ready"], told["successful"]) == ("FAILURE", True, False)
    assert (told["error"], told["worker"], told["result"]) == ("ValueError: no", "w@x", None)


def test_exception_that_only_the_backend_knows_is_told(
    http: httpx.Client, redis_client: redis.Redis
) -> None:
    result = {"exc_type": "KeyError", "exc_message": ["x"], "exc_module": "builtins"}
    left = {"status": "FAILURE", "result": result}
    redis_client.set("celery-task-meta-ended", json.dumps(left))
    told = http.get(f"{BASE}/tasks/ended/status").json()
    assert (told["error"], told["result"]) == ("KeyError: x", None)


def test_task_that_runs_is_known_from_its_worker(
    http: httpx.Client, redis_client: redis.Redis
) -> None:
    record(redis_client, state=PENDING, queue="mail", sent_at=1641120599.0)
    running(redis_client, http)
    told = http.get(f"{BASE}/tasks/abc123/status").json()
    assert (told["state"], told["ready"], told["worker"]) == ("STARTED", False, "celery@worker1")
    assert (told["queue"], told["sent_at"]) == ("mail", "2022-01-02T10:49:59.000Z")


@pytest.mark.parametrize("meta", ["x", "[]", '{"status": 5}', "\x00celery-compressed\x00"])
def test_result_that_cannot_be_read_is_no_answer(
    http: httpx.Client, redis_client: redis.Redis, meta: str
) -> None:
    redis_client.set("celery-task-meta-ended", meta)
    assert http.get(f"{BASE}/tasks/ended/status").status_code == 404
    record(redis_client, id="ended")
    assert http.get(f"{BASE}/tasks/ended/status").json()["state"] == "SUCCESS"


@pytest.mark.parametrize("task_id", ["nobody", "x" * 300, "%00", "\u202e"])
def test_unknown_task_is_404(http: httpx.Client, task_id: str) -> None:
    for answer in (
        http.get(f"{BASE}/tasks/{task_id}/status"),
        http.post(f"{BASE}/tasks/{task_id}/revoke"),
    ):
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "unknown_task"


def test_revoke_reaches_workers_and_is_written_down(
    http: httpx.Client, redis_client: redis.Redis
) -> None:
    record(redis_client, state=PENDING)
    running(redis_client, http, running=())
    with redis_client.pubsub() as heard:
        heard.psubscribe("*pidbox*")
        heard.get_message(timeout=5)
        answer = http.post(f"{BASE}/tasks/abc123/revoke")
        message: Any = heard.get_message(timeout=5)
    heard_by_workers = base64.b64decode(json.loads(message["data"])["body"])
    validate(answer, f"{BASE}/tasks/{{task_id}}/revoke", "post")
    assert answer.status_code == 202
    assert answer.json()["message"] == "No worker will start it."
    assert b'"method": "revoke"' in heard_by_workers
    assert b"abc123" in heard_by_workers
    event = next(e for e in activity(redis_client) if e.action == "task.revoked")
    assert (event.target, event.detail) == ("shop.pay", "abc123")


def test_revoke_that_would_do_nothing_is_refused(
    http: httpx.Client, redis_client: redis.Redis
) -> None:
    def refusal(query: str = "") -> tuple[int, str]:
        answer = http.post(f"{BASE}/tasks/abc123/revoke{query}")
        return answer.status_code, str(answer.json()["error"]["code"])

    record(redis_client, state=PENDING)
    wait_until(lambda: not workers(http), what="no worker is known")
    assert refusal() == (409, "no_worker")
    record(redis_client, state=STARTED)
    running(redis_client, http)
    assert refusal() == (409, "task_running")
    running(redis_client, http, pool="threads")
    wait_until(
        lambda: refusal("?terminate=true") == (409, "cannot_terminate"), what="threads cannot"
    )
    publish(redis_client, beat("celery@worker1", pool="threads"))
    wait_until(lambda: not http.get(f"{BASE}/tasks/status").json()["active_tasks"], what="it ended")
    record(redis_client, state=SUCCESS)
    assert refusal() == (409, "task_ended")
    assert refusal("?terminate=yes") == (422, "invalid_terminate")


def test_running_task_is_ended_if_asked(http: httpx.Client, redis_client: redis.Redis) -> None:
    running(redis_client, http)
    answer = http.post(f"{BASE}/tasks/abc123/revoke?terminate=true")
    assert (answer.status_code, answer.json()["terminate"]) == (202, True)
    assert [e.action for e in activity(redis_client)] == ["task.terminated"]


def test_queues_status_tells_every_queue(http: httpx.Client, redis_client: redis.Redis) -> None:
    publish(redis_client, beat(queues=("mail", "extract"), processes=3))
    redis_client.lpush("mail", "x", "y")
    redis_client.lpush("mail\x06\x169", "z")

    def mail() -> dict[str, Any]:
        queues = http.get(f"{BASE}/queues/status").json().get("queues", ())
        return next((dict(q) for q in queues if q["name"] == "mail"), {})

    wait_until(lambda: mail().get("length") == 3, what="the queue is known")
    assert (mail()["consumers"], mail()["processes"]) == (1, 3)
    answer = http.get(f"{BASE}/queues/status")
    validate(answer, f"{BASE}/queues/status")
    assert answer.json()["total_pending"] == 3


def test_summary_tells_tasks_by_name(http: httpx.Client, redis_client: redis.Redis) -> None:
    with counting(redis_client) as tally:
        ran(tally, "shop.pay", 0.02, 0.3)
    running(redis_client, http)

    def counted() -> bool:
        tasks = http.get(f"{BASE}/metrics/summary").json()["tasks"]
        return bool("shop.pay" in tasks["by_name"])

    wait_until(counted, what="the task is counted")
    answer = http.get(f"{BASE}/metrics/summary")
    validate(answer, f"{BASE}/metrics/summary")
    told = answer.json()
    assert (told["workers"]["total"], told["tasks"]["active"]) == (1, 2)
    pay = told["tasks"]["by_name"]["shop.pay"]
    assert pay["total"]["success"] == told["tasks"]["total"]["success"] == 2
    assert pay["mean_seconds"] == pytest.approx(0.16)
    assert 0.01 < pay["p50_seconds"] <= 0.05 < pay["p95_seconds"] <= 0.5


def test_without_redis_the_cause_is_told(private_valkey: ValkeyServer, tmp_path: Any) -> None:
    with page_server(private_valkey.url, tmp_path) as page, page.client() as http:
        wait_until(lambda: http.get(f"{BASE}/tasks/status").status_code == 200, what="ready")
        private_valkey.kill()
        wait_until(lambda: http.get(f"{BASE}/tasks/status").status_code == 503, what="away")
        for path in ("tasks/status", "tasks/x/status", "workers/status", "queues/status",
                     "metrics/summary"):  # fmt: skip
            answer = http.get(f"{BASE}/{path}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (
                503,
                "redis_unavailable",
            )
            assert "Redis cannot be used. The connection is" in answer.json()["error"]["message"]
        revoked = http.post(f"{BASE}/tasks/x/revoke")
        health = http.get(f"{BASE}/health")
    assert revoked.status_code == 503
    assert (health.status_code, health.json()["broker_connected"]) == (503, False)


def test_no_worker_is_asked_for_an_answer(http: httpx.Client, redis_client: redis.Redis) -> None:
    """No answer asks a worker, which would take a second."""
    running(redis_client, http)
    paths = ("tasks/status", "workers/status", "queues/status", "metrics/summary", "health")
    for path in paths:
        http.get(f"{BASE}/{path}")
    with redis_client.monitor() as heard:
        for path in paths:
            http.get(f"{BASE}/{path}")
        redis_client.echo("end")
        commands = []
        while not commands or not commands[-1].startswith("ECHO end"):
            commands.append(heard.next_command()["command"])
    assert not [command for command in commands if "pidbox" in command]
