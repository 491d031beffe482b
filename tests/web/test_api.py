"""The JSON API: what it does, and every way it refuses."""

from __future__ import annotations

import base64
import csv
import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from tests.servers import ValkeyServer, wait_until
from tests.web.conftest import PageServer, page_server
from tests.web.records import (
    KEYS,
    beat,
    problem,
    publish,
    publish_problems,
    publish_root,
    publish_scan,
)
from wire.events import RootStatus
from wire.states import ScanState

SCANS = "/api/v1/scans"
UNKNOWN = "20200101T000000-000000"


def error_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def waiting_message(client: redis.Redis) -> Any:
    """The only message on queue `scan`: its headers and arguments."""
    lists = [client.lrange(name, 0, -1) for name in ("scan", "scan:3", "scan:6", "scan:9")]
    (raw,) = [message for found in lists for message in found]  # type: ignore[union-attr]
    message = json.loads(raw)
    arguments = json.loads(base64.b64decode(message["body"]))[1]
    return message["headers"], arguments


def test_starts_a_scan_and_tells_a_worker(
    http: httpx.Client, page: PageServer, redis_client: redis.Redis
) -> None:
    answer = http.post(SCANS, json={"mode": "full"})

    assert answer.status_code == 202
    scan = answer.json()
    assert (scan["state"], scan["mode"], scan["root"]) == ("queued", "full", str(page.music))
    assert scan["scans"] == [{k: v for k, v in scan.items() if k != "scans"}]
    headers, arguments = waiting_message(redis_client)
    assert headers["task"] == "scan.discovery"
    assert arguments.pop("requested_at") > 0
    assert arguments == {
        "scan_id": scan["id"],
        "root_id": page.root.id,
        "folder": "",
        "mode": "full",
        "requested_by": "api",
        "mark_anyway": False,
    }
    assert http.get(f"{SCANS}/{scan['id']}").json()["id"] == scan["id"]
    assert [s["id"] for s in http.get(SCANS).json()["scans"]] == [scan["id"]]


def test_second_start_returns_the_running_scan(http: httpx.Client, page: PageServer) -> None:
    first = http.post(SCANS, json={"mode": "quick"})
    second = http.post(SCANS, json={"mode": "full", "root": page.root.id})

    assert (first.status_code, second.status_code) == (202, 200)
    assert second.json()["id"] == first.json()["id"]
    assert second.json()["mode"] == "quick"


def test_folder_inside_a_root_is_scanned(
    http: httpx.Client, page: PageServer, redis_client: redis.Redis
) -> None:
    answer = http.post(SCANS, json={"mode": "quick", "root": str(page.music / "Björk")})

    assert (answer.status_code, answer.json()["folder"]) == (202, "Björk")
    assert waiting_message(redis_client)[1]["folder"] == "Bj%C3%B6rk"


def test_link_that_leads_outside_is_refused(
    http: httpx.Client, page: PageServer, tmp_path: Path
) -> None:
    link = page.music / "outside"
    link.symlink_to(tmp_path)
    try:
        assert error_of(http.post(SCANS, json={"mode": "quick", "root": str(link)})) == (
            403,
            "outside_roots",
        )
    finally:
        link.unlink()


def test_folder_that_is_not_there_is_refused(http: httpx.Client, page: PageServer) -> None:
    for name in ("a typing mistake", "a typing mistake/deeper"):
        answer = http.post(SCANS, json={"mode": "quick", "root": str(page.music / name)})
        assert error_of(answer) == (404, "unknown_folder")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"mode": "quick", "root": "/etc"}', (403, "outside_roots")),
        (b'{"mode": "quick", "root": "/nul\\u0000"}', (403, "outside_roots")),
        (b'{"mode": "quick", "root": "/\\ud800"}', (403, "outside_roots")),
        (b'{"mode": "quick", "root": "music"}', (422, "invalid_root")),
        (b'{"mode": "quick", "root": "0123456789ab/x"}', (404, "unknown_root")),
        (b'{"mode": "quick", "root": ""}', (422, "invalid_root")),
        (b'{"mode": "quick", "root": 7}', (422, "invalid_root")),
        (b'{"mode": "slow"}', (422, "invalid_mode")),
        (b'{"mode": ["quick"]}', (422, "invalid_mode")),
        (b"{}", (422, "invalid_mode")),
        (b"[]", (422, "invalid_body")),
        (b"mode=quick", (422, "invalid_json")),
        (b"", (422, "invalid_json")),
        (b"\xff\xfe", (422, "invalid_json")),
        (b"[" * 50_000, (422, "invalid_json")),
        (b" " * 70_000, (413, "too_large")),
    ],
)
def test_bad_start_is_refused(http: httpx.Client, body: bytes, expected: tuple[int, str]) -> None:
    answer = http.post(SCANS, content=body, headers={"Content-Type": "application/json"})

    assert error_of(answer) == expected
    assert answer.json()["error"]["message"]


def test_body_of_another_type_is_refused(http: httpx.Client) -> None:
    assert error_of(http.post(SCANS, data={"mode": "quick"})) == (415, "not_json")


def test_streamed_body_over_the_cap_is_refused(http: httpx.Client) -> None:
    chunks = (b" " * 8192 for _ in range(1000))
    headers = {"Content-Type": "application/json"}
    assert error_of(http.post(SCANS, content=chunks, headers=headers)) == (413, "too_large")


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", f"{SCANS}/{UNKNOWN}", (404, "unknown_scan")),
        ("GET", f"{SCANS}/*", (404, "unknown_scan")),
        ("POST", f"{SCANS}/{UNKNOWN}/stop", (404, "unknown_scan")),
        ("GET", f"{SCANS}/{UNKNOWN}/problems", (404, "unknown_scan")),
        ("GET", f"{SCANS}/{UNKNOWN}/problems.csv", (404, "unknown_scan")),
        ("GET", f"{SCANS}?limit=0", (422, "invalid_limit")),
        ("GET", f"{SCANS}?limit=many", (422, "invalid_limit")),
        ("GET", f"{SCANS}/{UNKNOWN}/problems?offset=-1", (422, "invalid_offset")),
        ("GET", f"{SCANS}/{UNKNOWN}/problems?outcome=new", (422, "invalid_outcome")),
        ("GET", "/api/v1/nothing", (404, "not_found")),
        ("DELETE", SCANS, (405, "method_not_allowed")),
    ],
)
def test_bad_request_is_refused(
    http: httpx.Client, method: str, path: str, expected: tuple[int, str]
) -> None:
    assert error_of(http.request(method, path)) == expected


@pytest.mark.parametrize("action", ["stop", "pause", "resume"])
def test_request_reaches_worker_and_journal(
    http: httpx.Client, redis_client: redis.Redis, action: str
) -> None:
    scan = publish_scan(redis_client)
    redis_client.hset(KEYS.control(scan.id), "pause", "somebody")

    answer = http.post(f"{SCANS}/{scan.id}/{action}")

    assert answer.status_code == 202
    headers, arguments = waiting_message(redis_client)
    assert headers["task"] == "scan.control"
    assert arguments == {"scan_id": scan.id, "action": action, "actor": "api"}
    control = redis_client.hgetall(KEYS.control(scan.id))
    expected = {
        "stop": {b"stop": b"api", b"pause": b"somebody"},
        "pause": {b"pause": b"api"},
        "resume": {},
    }
    assert control == expected[action]
    (entry,) = redis_client.xrange(KEYS.activity)  # type: ignore[misc]
    assert json.loads(entry[1][b"data"])["action"] == f"scan.{action}_requested"


def test_ended_scan_cannot_be_stopped(http: httpx.Client, redis_client: redis.Redis) -> None:
    scan = publish_scan(redis_client, state=ScanState.COMPLETED)
    assert error_of(http.post(f"{SCANS}/{scan.id}/stop")) == (409, "scan_ended")


def test_problems_are_paged_and_filtered(http: httpx.Client, redis_client: redis.Redis) -> None:
    scan = publish_scan(redis_client)
    rows = [problem(n, outcome="timed_out" if n % 3 == 0 else "unreadable") for n in range(1, 1201)]
    publish_problems(redis_client, scan.id, rows)
    redis_client.zadd(KEYS.problems(scan.id), {"garbage": 0})

    def ask(**query: str | int) -> tuple[int, list[int]]:
        answer = http.get(f"{SCANS}/{scan.id}/problems", params=query).json()
        return answer["total"], [p["id"] for p in answer["problems"]]

    assert ask(limit=2, offset=1) == (1201, [1, 2])
    assert ask(outcome="timed_out", limit=2, offset=1) == (400, [6, 9])
    assert ask(outcome="timed_out", limit=5, offset=399) == (400, [1200])
    assert ask(outcome="permission") == (0, [])
    answer = http.get(f"{SCANS}/{scan.id}/problems.csv?outcome=timed_out")
    assert f"{scan.id}-timed_out.csv" in answer.headers["content-disposition"]
    told = [line["id"] for line in csv.DictReader(io.StringIO(answer.text))]
    assert told == [str(row.id) for row in rows if row.outcome == "timed_out"]
    first = http.get(f"{SCANS}/{scan.id}/problems?outcome=timed_out").json()["problems"][0]
    line = next(csv.DictReader(io.StringIO(answer.text)))
    assert line == {name: str(first[name]) for name in line}, "the same as in JSON"
    refused = http.get(f"{SCANS}/{scan.id}/problems.csv?outcome=new")
    assert error_of(refused) == (422, "invalid_outcome")


def test_csv_holds_no_formula(http: httpx.Client, redis_client: redis.Redis) -> None:
    scan = publish_scan(redis_client)
    texts = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1", 'a,"b"\nc', "Jóga \ud800.mp3", "plain"]
    rows = [problem(n, path=text, message=text) for n, text in enumerate(texts)]
    publish_problems(redis_client, scan.id, rows)

    answer = http.get(f"{SCANS}/{scan.id}/problems.csv")

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert scan.id in answer.headers["content-disposition"]
    lines = list(csv.DictReader(io.StringIO(answer.content.decode())))
    guarded = ["'" + text for text in texts[:6]]
    assert [line["path"] for line in lines] == [*guarded, texts[6], "Jóga \\ud800.mp3", "plain"]
    assert [line["message"] for line in lines] == [line["path"] for line in lines]


def test_status_and_readiness(
    http: httpx.Client, page: PageServer, redis_client: redis.Redis
) -> None:
    wait_until(lambda: http.get("/readyz").status_code == 503, what="no worker is known")
    assert http.get("/readyz").json()["reasons"] == ["No worker is running."]

    publish(redis_client, beat())
    publish_root(redis_client, RootStatus(page.root.id, str(page.music), True, checked_at=1.0))

    wait_until(lambda: http.get("/readyz").status_code == 200, what="ready")

    def status() -> Any:
        return http.get("/api/v1/status").json()

    wait_until(lambda: status()["roots"][0]["readable"], what="the folder is readable")
    known = status()
    assert known["redis"]["ok"] is True
    assert [w["name"] for w in known["workers"]] == ["needle@here"]
    assert {q["name"]: q["consumers"] for q in known["queues"]}["extract"] == 1
    assert http.get("/healthz").json() == {"status": "ok"}


def test_everything_refuses_when_redis_is_away(
    private_valkey: ValkeyServer, tmp_path: Path
) -> None:
    with page_server(private_valkey.url, tmp_path) as server, server.client() as http:
        private_valkey.kill()

        for answer in (
            http.get(SCANS),
            http.get(f"{SCANS}/{UNKNOWN}"),
            http.post(SCANS, json={"mode": "quick"}),
            http.post(f"{SCANS}/{UNKNOWN}/stop"),
        ):
            assert error_of(answer) == (503, "redis_unavailable")
            assert "refused or lost" in answer.json()["error"]["message"]
            assert answer.headers["retry-after"]
        wait_until(lambda: http.get("/readyz").status_code == 503, what="not ready")
        assert http.get("/api/v1/status").json()["redis"]["ok"] is False
        assert http.get("/healthz").status_code == 200
        assert http.get("/").status_code == 200
