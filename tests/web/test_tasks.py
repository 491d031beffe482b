"""The page of tasks: what runs, what became of the newest, how each kind does."""

from __future__ import annotations

import re
import time
from typing import Any

import httpx
import redis

from tests.web.counted import counting, ran
from tests.web.records import KEYS, beat, publish
from wire.events import RunningTask, dump
from wire.tasks import FAILURE, PENDING, STARTED, SUCCESS, TaskRecord

HOSTILE = '<script>alert("x")</script>\u202e{{ 7*7 }}'


def publish_tasks(client: redis.Redis, *records: TaskRecord) -> None:
    """Put records where the recorder puts them, in the order of time."""
    for at, record in enumerate(records):
        client.zadd(KEYS.recent, {record.id: at})
        value: Any = f"{record.order} {dump(record)}"
        client.hset(KEYS.recent_tasks, record.id, value)


def listed(page: str) -> list[str]:
    """The names of the newest tasks, as the page has them."""
    part = page.partition('id="recent-title"')[2].partition('id="kinds-title"')[0]
    return re.findall(r"<code><bdi>(.*?)</bdi></code>\s*<span class=\"quiet small\"", part)


FAILED = TaskRecord(
    "f", "app.fail", FAILURE, worker="a@pi", queue="celery", sent_at=1.0, started_at=3.5,
    finished_at=4.0, runtime_seconds=0.5, exception="ValueError: no", args="(1, 2)",
    args_chars=5, kwargs_chars=2,
)  # fmt: skip
DONE = TaskRecord("d", "app.done", SUCCESS, finished_at=5.0, runtime_seconds=2.0)
WAITING = TaskRecord("w", "app.wait", PENDING, sent_at=6.0)


def test_newest_come_first_with_their_reasons(
    http: httpx.Client, redis_client: redis.Redis
) -> None:
    publish_tasks(redis_client, FAILED, DONE, WAITING)
    page = http.get("/tasks").raise_for_status().text
    assert listed(page) == ["app.wait", "app.done", "app.fail"]
    assert "ValueError: no" in page
    assert "2.5\u00a0s" in page, "how long it waited"


def test_filters_by_state_and_by_words(http: httpx.Client, redis_client: redis.Redis) -> None:
    publish_tasks(redis_client, FAILED, DONE, WAITING)
    for query, names in (
        ({"state": "FAILURE"}, ["app.fail"]),
        ({"q": "DONE"}, ["app.done"]),
        ({"q": "valueerror"}, ["app.fail"]),
        ({"q": "nothing"}, []),
        ({"state": "nonsense"}, ["app.wait", "app.done", "app.fail"]),
    ):
        assert listed(http.get("/tasks", params=query).text) == names


def test_pages_hold_fifty(http: httpx.Client, redis_client: redis.Redis) -> None:
    publish_tasks(redis_client, *(TaskRecord(f"t{n}", f"app.t{n}", SUCCESS) for n in range(60)))
    assert len(listed(http.get("/tasks").text)) == 50
    assert len(listed(http.get("/tasks", params={"page": 2}).text)) == 10


def test_page_says_how_each_kind_does(http: httpx.Client, redis_client: redis.Redis) -> None:
    with counting(redis_client) as tally:
        ran(tally, "app.slow", 40.0, 40.0)
        ran(tally, "app.quick", 0.004)
    time_limit = time.monotonic() + 5  # what was read a moment ago is kept for one second
    while "app.slow" not in (page := http.get("/tasks").text):
        assert time.monotonic() < time_limit
    row = page.partition("app.slow")[2].partition("</tr>")[0]
    assert re.findall(r'data-label="Succeeded">(.*?)<', row) == ["2"]


def test_running_task_can_be_ended_after_a_tick(
    http: httpx.Client, redis_client: redis.Redis
) -> None:
    running = RunningTask("r/1", "app.sleep", time.time() - 60)
    publish(redis_client, beat(at=time.time(), pool="prefork", busy=1, running=(running,)))
    deadline = time.monotonic() + 10
    while "app.sleep" not in (page := http.get("/tasks").text):
        assert time.monotonic() < deadline
    assert 'action="/tasks/r%2F1/revoke"' in page
    assert 'name="terminate" value="1" required' in page
    answer = http.post("/tasks/r%2F1/revoke", data={"terminate": "1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/tasks")
    refused = http.post("/tasks/r%2F1/revoke")
    assert refused.status_code == 409


def test_unknown_task_cannot_be_taken_back(http: httpx.Client, redis_client: redis.Redis) -> None:
    redis_client.ping()
    assert http.post("/tasks/nothing/revoke").status_code == 404


def test_hostile_text_is_harmless(http: httpx.Client, redis_client: redis.Redis) -> None:
    hostile = TaskRecord(
        HOSTILE, HOSTILE, STARTED, worker=HOSTILE, queue=HOSTILE, exception=HOSTILE, args=HOSTILE
    )
    publish_tasks(redis_client, hostile)
    redis_client.hset(KEYS.recent_tasks, "forged", "[" * 1000)
    redis_client.zadd(KEYS.recent, {"forged": 9, "absent": 10})
    page = http.get("/tasks").raise_for_status().text
    assert "<script>alert" not in page
    assert ">49<" not in page
    assert len(listed(page)) == 1


def test_page_without_anything(http: httpx.Client, redis_client: redis.Redis) -> None:
    redis_client.ping()
    page = http.get("/tasks", headers={"Accept-Language": "fr"}).raise_for_status().text
    assert "Aucune pour l’instant." in page
