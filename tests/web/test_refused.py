"""Refused messages on the page and in the API: nothing while there are none, else text."""

from __future__ import annotations

import httpx
import redis

from tests.servers import wait_until
from tests.web.records import AT, KEYS
from wire.events import dump
from wire.refusals import Refusal, RefusedMessage

HOSTILE = "<b>scan</b>\u202e"


def refuse(client: redis.Redis, kind: Refusal, count: int = 1) -> None:
    message = RefusedMessage(at=AT, source=HOSTILE, kind=kind, detail=HOSTILE, size_bytes=70_000)
    client.set(KEYS.refused, count)
    client.lpush(KEYS.dead, dump(message))


def wait_for(http: httpx.Client, count: int, reason: str | None = None) -> None:
    """Until the page has read that so many were refused, the last one for that reason."""

    def told() -> bool:
        document = http.get("/api/v1/status").json()["refused_messages"]
        return document["count"] == count and (document["last"] or {}).get("reason") == reason

    wait_until(told, what=f"{count} refused messages")


def test_nothing_is_shown_while_none_was_refused(http: httpx.Client) -> None:
    wait_for(http, 0)
    assert 'id="refused" class="card" aria-labelledby="refused-title" hidden' in http.get("/").text


def test_last_one_is_told(http: httpx.Client, redis_client: redis.Redis) -> None:
    refuse(redis_client, Refusal.NOT_JSON, 1233)
    refuse(redis_client, Refusal.TOO_LARGE, 1234)
    wait_for(http, 1234, "too_large")
    page = http.get("/").text
    section = page[page.index('id="refused"') :]
    assert "1,234" in section
    assert "it is too large" in section
    assert "&lt;b&gt;scan" in section
    assert "<b>scan" not in page


def test_forged_count_is_none(http: httpx.Client, redis_client: redis.Redis) -> None:
    refuse(redis_client, Refusal.NOT_JSON, 7)
    wait_for(http, 7, "not_json")
    redis_client.set(KEYS.refused, b"9" * 40)
    wait_for(http, 0, "not_json")
