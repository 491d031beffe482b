"""Whatever stands in Redis, under whatever key: the page is drawn, and nothing is a crash (500)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import httpx
import pytest
import redis
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.forged_keys import FORGERS, SCAN_ID, VALUES, Forger, all_keys
from tests.servers import ValkeyServer, wait_until
from tests.web.conftest import PageServer, page_server
from tests.web.records import KEYS, publish_scan
from web import assets
from web.app import ROUTES
from web.model import Model
from web.render import SECTIONS, Renderer
from web.snapshot import read_snapshot
from web.views import status_json
from wire.roots import make_root

ROOTS = (make_root("/music"),)
#: Those that ask a worker, and there is none here, would only wait for it.
ASKING = ("/library", "/missing", "/api/v1/library", "/api/v1/missing", "/events")
PATHS = sorted(
    re.sub(r"\{\w+\}", "1", route.path.replace("{scan_id}", SCAN_ID))
    for route in ROUTES
    if "GET" in (getattr(route, "methods", None) or ()) and not route.path.startswith(ASKING)
)


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(assets.load(), ZoneInfo("UTC"))


@pytest.mark.anyio
@pytest.mark.parametrize("name", all_keys(KEYS))
async def test_no_key_breaks_the_picture(
    redis_client: redis.Redis, valkey_server: ValkeyServer, renderer: Renderer, name: str
) -> None:
    """Every type and every value under one key, with all others as they should be."""
    key = all_keys(KEYS)[name]
    publish_scan(redis_client, id=SCAN_ID)
    drawn = None
    async with Redis.from_url(valkey_server.url) as client:
        for forge in FORGERS.values():
            for value in VALUES:
                redis_client.delete(key)
                forge(redis_client, key, value)
                model = Model(ROOTS)
                try:
                    model.replace(await read_snapshot(client, KEYS, ROOTS))
                except RedisError:
                    break  # of another type: the page says that Redis refuses
                state = model.state(version=1, redis_error="", fresh_at=1.0)
                if state == drawn:  # as with most values under most keys
                    continue
                drawn = state
                status_json(state)
                for section in SECTIONS:
                    html = renderer.fragment(section, "fr", "operator", state)
                    assert "<script" not in html


@pytest.fixture(scope="module")
def forged_page(
    valkey_server: ValkeyServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PageServer]:
    with page_server(valkey_server.url, tmp_path_factory.mktemp("forged")) as server:
        yield server


@pytest.mark.parametrize("forge", FORGERS.values(), ids=FORGERS)
def test_no_page_crashes(redis_client: redis.Redis, forged_page: PageServer, forge: Forger) -> None:
    """Every key forged at once, then none: nothing is a 500, and the page comes back by itself."""
    with forged_page.client() as http:
        for value in (b"<script>", b"9" * 400):
            redis_client.flushall()
            for key in all_keys(KEYS, scan_id=SCAN_ID).values():
                redis_client.delete(key)
                forge(redis_client, key, value)
            answers = {path: http.get(path).status_code for path in PATHS}
            assert {path: s for path, s in answers.items() if s >= 500 and s != 503} == {}
        redis_client.flushall()
        wait_until(lambda: _sees_redis(http), what="the page is well again")
    assert "Traceback" not in forged_page.log.read_text()


def _sees_redis(http: httpx.Client) -> bool:
    return bool(http.get("/api/v1/status").json()["redis"]["ok"])
