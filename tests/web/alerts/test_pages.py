"""The page of alerts and its API, over the real server."""

from __future__ import annotations

import time

import httpx
import pytest
import redis

from tests.web.records import KEYS
from wire.alerts import Alert, AlertState, Severity
from wire.events import dump

FIRING = Alert(
    "CeleryQueueBacklog", "queue_depth", "<b>scan</b>", Severity.CRITICAL, AlertState.FIRING,
    6200, 5000, pending_at=1.0, fired_at=2.0,
)  # fmt: skip


@pytest.fixture
def firing(http: httpx.Client, redis_client: redis.Redis) -> httpx.Client:
    """A page that another process evaluates the rules for; one alert fires."""
    redis_client.set(KEYS.alerts_turn, "another process", ex=60)
    redis_client.hset(KEYS.alerts, FIRING.id, dump(FIRING))
    return http


def shown(http: httpx.Client) -> dict[str, object]:
    [alert] = http.get("/api/v1/alerts").raise_for_status().json()["alerts"]
    return dict(alert)


def test_page_says_what_fires_and_what_to_do(firing: httpx.Client) -> None:
    page = firing.get("/alerts").raise_for_status().text
    assert "Messages waiting" in page
    assert "&lt;b&gt;scan&lt;/b&gt;" in page
    assert "<b>scan</b>" not in page
    assert "6,200" in page
    assert "more processes or workers" in page


def test_page_speaks_french(firing: httpx.Client) -> None:
    page = firing.get("/alerts", headers={"Accept-Language": "fr"}).raise_for_status().text
    assert "Messages en attente" in page
    assert "Mémoire de Redis" in page


def test_live_page_shows_what_nobody_has_seen(firing: httpx.Client) -> None:
    firing.get("/alerts")
    assert "Messages waiting" in firing.get("/").text
    firing.post("/alerts/acknowledge", data={"id": FIRING.id})
    assert "Messages waiting" not in firing.get("/").text


def test_form_says_that_it_was_seen(firing: httpx.Client, redis_client: redis.Redis) -> None:
    answer = firing.post("/alerts/acknowledge", data={"id": FIRING.id})
    assert (answer.status_code, answer.headers["location"]) == (303, "/alerts")
    assert shown(firing)["acknowledged_at"]
    [(_, fields)] = redis_client.xrevrange(KEYS.activity, count=1)  # type: ignore[misc]
    assert b"alert.acknowledged" in fields[b"data"]


def test_form_silences_and_ends_the_silence(firing: httpx.Client) -> None:
    firing.post("/alerts/silence", data={"id": FIRING.id, "seconds": "3600"})
    assert shown(firing)["silenced_until"]
    assert "Silenced until" in firing.get("/alerts").text
    firing.post("/alerts/unsilence", data={"id": FIRING.id})
    assert shown(firing)["silenced_until"] is None


def test_api_silences_a_whole_rule(firing: httpx.Client) -> None:
    body = {"id": FIRING.rule, "seconds": 60}
    answer = firing.put("/api/v1/alerts/silences", json=body).raise_for_status().json()
    assert [silence["id"] for silence in answer["silences"]] == [FIRING.rule]
    assert answer["alerts"][0]["silenced_until"]
    ended = firing.delete("/api/v1/alerts/silences", params={"id": FIRING.rule})
    assert ended.raise_for_status().json()["silences"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "acknowledge", {"id": "nothing"}, 404, "unknown_alert"),
        ("POST", "acknowledge", {"id": 1}, 422, "invalid_id"),
        ("PUT", "silences", {"id": FIRING.id, "seconds": 59}, 422, "invalid_seconds"),
        ("PUT", "silences", {"id": FIRING.id, "seconds": True}, 422, "invalid_seconds"),
        ("PUT", "silences", {"id": FIRING.id}, 422, "invalid_seconds"),
        ("PUT", "silences", {"id": "nothing", "seconds": 60}, 404, "unknown_alert"),
        ("DELETE", "silences", None, 404, "unknown_silence"),
        ("POST", "test", None, 409, "nobody_to_tell"),
    ],
)
def test_api_says_what_is_wrong(
    firing: httpx.Client, method: str, path: str, body: object, status: int, code: str
) -> None:
    answer = firing.request(method, f"/api/v1/alerts/{path}", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_rules_are_told(firing: httpx.Client) -> None:
    answer = firing.get("/api/v1/alerts/rules").raise_for_status().json()
    backlog = next(rule for rule in answer["rules"] if rule["name"] == "CeleryQueueBacklog")
    assert (backlog["threshold"], backlog["for_seconds"]) == (5000, 600)


def test_page_stays_when_redis_holds_something_else(
    firing: httpx.Client, redis_client: redis.Redis
) -> None:
    redis_client.hset(KEYS.alerts, "x" * 10, "[" * 5000)
    redis_client.hset(KEYS.silences, FIRING.id, str(time.time()))
    assert firing.get("/alerts").status_code == 200
