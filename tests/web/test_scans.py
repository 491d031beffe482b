"""Starting and stopping, when many want to at once and when Redis fails in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import redis

from tests.servers import ValkeyServer
from tests.web.records import KEYS, publish_scan
from web.connection import connect
from web.dispatch import DEADLINE_SECONDS, Dispatcher, DispatchError
from web.refusal import RefusedError
from web.scans import Action, Scans
from wire.roots import Root, make_root
from wire.states import ScanMode, ScanState
from wire.text import path_from_wire, path_to_wire

pytestmark = pytest.mark.anyio

ROOT = make_root("/music")


@asynccontextmanager
async def scans_of(
    server: ValkeyServer, broker_url: str = "", root: Root = ROOT
) -> AsyncIterator[Scans]:
    """Scans of `server`; its tasks go to `broker_url`, by default to the same server."""
    client, dispatcher = connect(server.url), Dispatcher(broker_url or server.url)
    try:
        yield Scans(client, KEYS, [root], dispatcher)
    finally:
        dispatcher.close()
        await client.aclose()


def messages(client: redis.Redis) -> int:
    return int(client.llen("scan:3"))  # type: ignore[arg-type]


async def test_fifty_starts_make_one_scan(
    valkey_server: ValkeyServer, redis_client: redis.Redis
) -> None:
    async with scans_of(valkey_server) as here, scans_of(valkey_server) as there:
        starts = [s.start(None, ScanMode.QUICK, "api") for s in (here, there) for _ in range(25)]
        started = [scan for answer in await asyncio.gather(*starts) for scan in answer]
    assert len({scan.id for scan, _ in started}) == 1
    assert sum(new for _, new in started) == 1
    assert messages(redis_client) == 1


@pytest.mark.parametrize("state", [None, ScanState.COMPLETED])
async def test_root_left_by_a_dead_starter_is_taken(
    valkey_server: ValkeyServer, redis_client: redis.Redis, state: ScanState | None
) -> None:
    ghost = "20261121T010203-000001"
    if state:
        publish_scan(redis_client, state=state)
    redis_client.hset(KEYS.active, ROOT.id, ghost)
    async with scans_of(valkey_server) as scans:
        ((scan, is_new),) = await scans.start(None, ScanMode.QUICK, "api")
    assert is_new
    assert redis_client.hget(KEYS.active, ROOT.id) == scan.id.encode()


async def test_failed_dispatch_leaves_nothing_behind(
    valkey_server: ValkeyServer, redis_client: redis.Redis
) -> None:
    async with scans_of(valkey_server, "redis://127.0.0.1:1/0") as scans:
        with pytest.raises(RefusedError) as refusal:
            await scans.start(None, ScanMode.QUICK, "page")
        assert refusal.value.status == 503
        (scan,) = await scans.recent(20)
    assert scan.state is ScanState.FAILED
    assert scan.reason
    assert scan.finished_at
    assert not redis_client.exists(KEYS.active)
    assert redis_client.hget(KEYS.control(scan.id), "stop"), "a late message begins nothing"


async def test_frozen_broker_is_given_up_in_time(
    private_valkey: ValkeyServer, valkey_server: ValkeyServer, redis_client: redis.Redis
) -> None:
    async with scans_of(valkey_server, private_valkey.url) as scans:
        private_valkey.freeze()
        try:
            async with asyncio.timeout(DEADLINE_SECONDS + 3):
                with pytest.raises(RefusedError):
                    await scans.start(None, ScanMode.QUICK, "page")
        finally:
            private_valkey.thaw()


async def test_restart_of_the_broker_is_not_noticed(private_valkey: ValkeyServer) -> None:
    dispatcher = Dispatcher(private_valkey.url)
    await dispatcher.send("scan.reconcile")
    private_valkey.kill()
    with pytest.raises(DispatchError):
        await dispatcher.send("scan.reconcile")
    private_valkey.start()
    await dispatcher.send("scan.reconcile")
    with private_valkey.client() as client:
        assert client.llen("scan") == 2
    dispatcher.close()


async def test_any_name_can_be_scanned_by_its_exact_path(
    valkey_server: ValkeyServer, redis_client: redis.Redis
) -> None:
    async with scans_of(valkey_server) as scans:
        name = b"a/\xff \n?#%41.mp3"
        ((scan, _),) = await scans.start(f"{ROOT.id}/{path_to_wire(name)}", ScanMode.FULL, "api")
        assert path_from_wire(scan.folder_path) == name
        for outside in ("..", "a/%2e%2e/%2e%2e/etc", "%00"):
            with pytest.raises(RefusedError) as refusal:
                await scans.start(f"{ROOT.id}/{outside}", ScanMode.FULL, "api")
            assert refusal.value.code == "outside_roots", outside


async def test_no_roots_is_a_reason(valkey_server: ValkeyServer) -> None:
    client, dispatcher = connect(valkey_server.url), Dispatcher(valkey_server.url)
    with pytest.raises(RefusedError, match="NEEDLE_MUSIC"):
        await Scans(client, KEYS, [], dispatcher).start(None, ScanMode.QUICK, "api")
    dispatcher.close()
    await client.aclose()


async def test_library_that_only_workers_see_is_theirs_to_judge(
    valkey_server: ValkeyServer, tmp_path: Path
) -> None:
    root = make_root(str(tmp_path / "not mounted here"))
    async with scans_of(valkey_server, root=root) as scans:
        assert scans.locate(f"{root.display}/Björk") == [(root, "Björk".encode())]


async def test_requests_are_urgent_and_expire(
    valkey_server: ValkeyServer, redis_client: redis.Redis
) -> None:
    scan = publish_scan(redis_client)
    async with scans_of(valkey_server) as scans:
        await scans.request(scan.id, Action.STOP, "page")
    assert redis_client.llen("scan") == 1, "priority 0: before everything else"
    assert redis_client.ttl(KEYS.control(scan.id)) > 3600  # type: ignore[operator]
