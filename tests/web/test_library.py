"""The library's pages when the workers are away, busy or flooded; the test is the worker."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import Any

import httpx
import pytest
import redis

from tests.servers import wait_until
from tests.web.conftest import PageServer
from tests.web.records import AT, KEYS
from web.library import DEADLINE_SECONDS, QUESTIONS_MAX
from wire.answers import Album, AlbumDetail, Found, Listed, Overview, Track, pack, pack_failure
from wire.events import dump
from wire.keys import ANSWER_TTL

QUEUE = "maintenance"


def take_question(client: redis.Redis) -> tuple[str, dict[str, Any]]:
    """The next task: its name and arguments."""
    message: Any = wait_until(lambda: client.rpop(QUEUE), what="a question is asked")
    envelope = json.loads(message)
    assert envelope["headers"]["expires"]
    _, arguments, _ = json.loads(base64.b64decode(envelope["body"]))
    return envelope["headers"]["task"], arguments


def put_answer(client: redis.Redis, arguments: dict[str, Any], data: bytes) -> None:
    client.rpush(KEYS.answer(arguments["answer_id"]), data)


async def ask(page: PageServer, path: str, client: redis.Redis, answer: bytes) -> httpx.Response:
    """Ask for `path`, and answer the question it makes."""
    async with httpx.AsyncClient(base_url=page.url, timeout=20) as http:
        asking = asyncio.create_task(http.get(path))
        _, arguments = await asyncio.to_thread(take_question, client)
        put_answer(client, arguments, answer)
        return await asking


def test_overview_needs_no_worker(http: httpx.Client, redis_client: redis.Redis) -> None:
    recent = (Album(7, "<b>Jóga</b>", "Björk", "1997", tracks=3),)
    overview = Overview(at=AT, artists=2, albums=1, tracks=3, size_bytes=10**9, recent=recent)
    redis_client.set(KEYS.overview, dump(overview))
    page = http.get("/library")
    assert page.status_code == 200
    assert 'href="/library/albums/7"' in page.text
    assert "&lt;b&gt;Jóga" in page.text
    assert http.get("/api/v1/library").json()["recent"][0]["title"] == "<b>Jóga</b>"
    assert not redis_client.llen(QUEUE)


def test_nobody_waits_for_ever(http: httpx.Client, redis_client: redis.Redis) -> None:
    """With no worker the page says so, keeps the question, and other pages answer meanwhile."""

    async def ask_and_look() -> tuple[httpx.Response, float]:
        async with httpx.AsyncClient(base_url=http.base_url, timeout=20) as client:
            start = time.monotonic()
            asking = asyncio.create_task(client.get("/library?q=j%C3%B3ga"))
            await asyncio.to_thread(take_question, redis_client)
            assert (await client.get("/healthz")).status_code == 200
            assert not asking.done()
            return await asking, time.monotonic() - start

    answer, seconds = asyncio.run(ask_and_look())
    assert seconds < DEADLINE_SECONDS + 4
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "The workers are busy, or none is running." in answer.text
    assert 'value="jóga"' in answer.text
    assert 'href="/library?q=j%C3%B3ga&amp;kind=&amp;page=1"' in answer.text


def test_questions_are_bounded(page: PageServer, redis_client: redis.Redis) -> None:
    async def flood() -> list[int]:
        async with httpx.AsyncClient(base_url=page.url, timeout=20) as client:
            path = "/api/v1/library/search?q=x"
            waiting = [asyncio.create_task(client.get(path)) for _ in range(QUESTIONS_MAX)]
            questions = [(await asyncio.to_thread(take_question, redis_client))[1] for _ in waiting]
            refused = await client.get(path)
            assert refused.json()["error"]["code"] == "too_many_questions"
            for arguments in questions:
                put_answer(redis_client, arguments, pack(Found()))
            return [refused.status_code, *[(await task).status_code for task in waiting]]

    assert asyncio.run(flood()) == [503] + [200] * QUESTIONS_MAX
    answer = asyncio.run(ask(page, "/api/v1/library/search?q=x", redis_client, pack(Found())))
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "data", [pack_failure("no"), b"", b"j{}", b"z" + b"\0" * 9, b"jnull", b"j[" * 9000]
)
def test_damaged_answer_is_no_answer(
    page: PageServer, redis_client: redis.Redis, data: bytes
) -> None:
    wanted = data if data != b"j{}" else b'j{"tracks": 3}'
    answer = asyncio.run(ask(page, "/api/v1/library/search", redis_client, wanted))
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "not_answered"


def test_large_answer_is_compressed(page: PageServer, redis_client: redis.Redis) -> None:
    tracks = tuple(Track(n, "p" * 600, title="t" * 300, outcome="new") for n in range(50))
    data = pack(AlbumDetail(Album(1, "A", tracks=50), (), Listed(50, tracks=tracks)))
    assert len(data) < 8 * 1024
    answer = asyncio.run(ask(page, "/library/albums/1", redis_client, data))
    assert answer.status_code == 200
    assert answer.text.count("p" * 600) == 50


@pytest.mark.parametrize(
    "query",
    ["q=" + "x" * 201, "kind=odd", "limit=0", "limit=51", "offset=-1", "offset=99999999999"],
)
def test_odd_questions_are_refused(http: httpx.Client, query: str) -> None:
    assert http.get(f"/api/v1/library/search?{query}").status_code == 422


def test_page_takes_any_address(page: PageServer, redis_client: redis.Redis) -> None:
    for query in ("q=" + "x" * 3000, "q=%00%ff%ed%a0%80&page=-1", "kind=odd&q=%22%3E&page=1e9"):
        answer = asyncio.run(ask(page, f"/library?{query}", redis_client, pack(Found())))
        assert answer.status_code == 200


def test_unknown_album_is_not_found(page: PageServer, redis_client: redis.Redis) -> None:
    answer = asyncio.run(ask(page, "/library/albums/9", redis_client, pack(AlbumDetail())))
    assert answer.status_code == 404
    assert ANSWER_TTL >= DEADLINE_SECONDS
