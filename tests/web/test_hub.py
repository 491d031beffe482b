"""The reader of the streams, with a Redis that is killed, frozen, restarted and wiped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis

from tests.servers import ValkeyServer
from tests.web.records import (
    KEYS,
    beat,
    problem,
    publish,
    publish_problems,
    publish_root,
    publish_scan,
    scan,
)
from web.hub import Hub
from web.state import Phase, State
from wire.events import Activity, RootStatus, ScanAt, ScanChanged, WorkerGone, encode
from wire.roots import make_root
from wire.states import ScanState

pytestmark = pytest.mark.anyio

ROOT = make_root("/music")

FORGED: list[Any] = [
    {"type": "ScanChanged"},
    {"x": b"\xff\x00"},
    {"type": "WorkerBeat", "v": "1", "data": '{"at":NaN}'},
    {"type": "Activity", "v": "1", "data": "[" * 9999},
]


@asynccontextmanager
async def hub_of(server: ValkeyServer) -> AsyncIterator[Hub]:
    hub = Hub(server.url, KEYS, [ROOT])
    async with hub.running():
        await until(hub, lambda state: state.redis_ok)
        yield hub


async def until(hub: Hub, condition: Callable[[State], object], seconds: float = 15) -> State:
    """The first State for which `condition` holds."""
    deadline = time.monotonic() + seconds
    while not condition(state := await hub.fresh_state()):
        assert time.monotonic() < deadline, state
        await asyncio.sleep(0.02)
    return state


def files_found(state: State) -> int | None:
    return state.scan.files_found if state.scan else None


async def test_start_shows_what_redis_holds(
    valkey_server: ValkeyServer, redis_client: redis.Redis
) -> None:
    running = publish_scan(redis_client, 2, counts={"unreadable": 30}, root_id=ROOT.id)
    ended = publish_scan(redis_client, 1, state=ScanState.COMPLETED)
    publish_problems(redis_client, running.id, [problem(n) for n in range(1, 26)])
    publish(redis_client, beat())
    publish_root(redis_client, RootStatus(ROOT.id, "/music", True, known_files=7))
    redis_client.xadd(KEYS.activity, encode(Activity(1.0, "page", "scan.requested")))  # type: ignore[arg-type]
    redis_client.lpush("extract:3", "a", "b")
    redis_client.lpush("extract", "c")
    redis_client.hset("unacked", "tag", "x")

    async with hub_of(valkey_server) as hub:
        state = await hub.fresh_state()

    assert state.scan == running
    assert state.last_scans == (running, ended)
    assert state.active == (running,)
    assert [p.id for p in state.problems] == list(range(1, 21))
    assert state.problems_total == 30
    assert [w.beat.worker for w in state.workers] == ["needle@here"]
    assert {q.name: q.waiting for q in state.queues}["extract"] == 3
    assert state.in_flight == 1
    assert state.roots[0].known_files == 7
    assert state.activity[0].action == "scan.requested"
    assert state.phase is Phase.SCANNING


async def test_events_are_followed(valkey_server: ValkeyServer, redis_client: redis.Redis) -> None:
    async with hub_of(valkey_server) as hub:
        assert hub.state().phase is Phase.NO_WORKER
        assert hub.state().roots == (RootStatus(ROOT.id, "/music", readable=False),)
        publish(redis_client, beat())
        publish(redis_client, ScanChanged(scan(files_found=1)))
        publish(redis_client, ScanAt(scan().id, "extract", "Björk/Jóga.flac", 1.0))
        state = await until(hub, lambda state: state.now)
        assert (state.now.path if state.now else "") == "Björk/Jóga.flac"
        assert files_found(state) == 1
        publish(redis_client, WorkerGone("needle@here", 1.0))
        await until(hub, lambda state: state.phase is Phase.NO_WORKER)


async def test_forged_entries_do_no_harm(
    valkey_server: ValkeyServer, redis_client: redis.Redis
) -> None:
    async with hub_of(valkey_server) as hub:
        publish(redis_client, ScanChanged(scan()))
        for forged in FORGED:
            redis_client.xadd(KEYS.events, forged)
            redis_client.xadd(KEYS.activity, forged)
        publish(redis_client, beat())
        state = await until(hub, lambda state: state.workers)
        assert state.skipped_entries == 8
        assert state.scan == scan()


async def test_garbage_in_the_keys_does_no_harm(
    valkey_server: ValkeyServer, redis_client: redis.Redis
) -> None:
    publish_scan(redis_client)
    redis_client.zadd(KEYS.scans, {"garbage": 9e99, "20261121T010203-ffffff": 9e98})
    redis_client.hset(KEYS.scan("20261121T010203-ffffff"), "doc", "{}")
    redis_client.zadd(KEYS.workers, {b"\xff\xfe": 1.0, "gone": 2.0})
    redis_client.hset(KEYS.active, "x", b"\xff")
    redis_client.hset(KEYS.roots, ROOT.id, "no JSON")
    redis_client.zadd(KEYS.problems(scan().id), {"no JSON": 1})
    async with hub_of(valkey_server) as hub:
        state = await hub.fresh_state()
        assert state.last_scans == (scan(),)
        assert (state.workers, state.problems) == ((), ())


async def test_curve_is_drawn_from_the_stream(
    valkey_server: ValkeyServer, redis_client: redis.Redis
) -> None:
    now_ms = int(time.time() * 1000)
    for second in range(60):
        fields = encode(ScanChanged(scan(revision=second, counts={"new": second * 10})))
        entry_id = f"{now_ms - (60 - second) * 1000}-0"
        redis_client.xadd(KEYS.events, fields, id=entry_id)  # type: ignore[arg-type]
    publish_scan(redis_client, revision=60, counts={"new": 600})
    async with hub_of(valkey_server) as hub:
        rate = hub.state().rate
        assert rate.files_per_second == pytest.approx(10, rel=0.3)
        assert 28 <= len(rate.points) <= 32
        assert rate.peak == pytest.approx(10, rel=0.6)


async def test_killed_redis_is_told_and_found_again(private_valkey: ValkeyServer) -> None:
    with private_valkey.client() as client:
        publish_scan(client, files_found=5)
        publish(client, beat())
    async with hub_of(private_valkey) as hub:
        before = time.time()
        private_valkey.kill()
        down = await until(hub, lambda state: not state.redis_ok)
        assert down.phase is Phase.REDIS_DOWN
        assert down.redis_error == "The connection is refused or lost."
        assert before - 5 <= down.fresh_at <= time.time()
        assert files_found(down) == 5, "the last good data stay"

        private_valkey.start()
        with private_valkey.client() as client:
            publish_scan(client, files_found=6, revision=2)
        up = await until(hub, lambda state: state.redis_ok)
        assert files_found(up) == 6


async def test_frozen_redis_is_told_and_found_again(private_valkey: ValkeyServer) -> None:
    async with hub_of(private_valkey) as hub:
        with hub.watching():
            private_valkey.freeze()
            down = await until(hub, lambda state: not state.redis_ok)
            assert down.redis_error == "It hangs: no answer in time."
            private_valkey.thaw()
            with private_valkey.client() as client:
                publish(client, beat())
            await until(hub, lambda state: state.redis_ok and state.workers)


async def test_wiped_redis_is_noticed(private_valkey: ValkeyServer) -> None:
    with private_valkey.client() as client:
        client.set(KEYS.epoch, "one")
        publish_scan(client)
        async with hub_of(private_valkey) as hub:
            assert hub.state().scan
            client.flushall()
            await until(hub, lambda state: state.scan is None)
            publish_scan(client, 2)
            await until(hub, lambda state: state.scan and state.scan.id == scan(2).id)


async def test_restart_without_data_is_noticed(private_valkey: ValkeyServer) -> None:
    with private_valkey.client() as client:
        publish_scan(client)
    async with hub_of(private_valkey) as hub:
        private_valkey.kill()
        private_valkey.lose_data()
        private_valkey.start()
        await until(hub, lambda state: state.redis_ok and state.scan is None)


async def test_recreated_stream_is_read_from_its_beginning(private_valkey: ValkeyServer) -> None:
    """Its ids may be smaller than ours, and XREAD would wait for ever."""
    with private_valkey.client() as client:
        publish_scan(client)
        client.xadd(KEYS.events, {"x": "1"}, id=f"{int(time.time() * 1000) + 10_000_000}-0")
        client.set(KEYS.epoch, "one")
        async with hub_of(private_valkey) as hub:
            client.delete(KEYS.events)
            client.set(KEYS.epoch, "two")
            publish_scan(client, 2)
            await until(hub, lambda state: len(state.last_scans) == 2)
            publish_scan(client, 3)
            await until(hub, lambda state: len(state.last_scans) == 3)


async def test_flood_of_events_ends_right(
    valkey_server: ValkeyServer, redis_client: redis.Redis
) -> None:
    async with hub_of(valkey_server) as hub:
        pipe = redis_client.pipeline()
        for revision in range(3000):
            publish(pipe, ScanChanged(scan(revision=revision, files_found=revision)))  # type: ignore[arg-type]
        pipe.execute()
        await until(hub, lambda state: files_found(state) == 2999)


async def test_versions_only_while_watched(
    valkey_server: ValkeyServer, redis_client: redis.Redis
) -> None:
    async with hub_of(valkey_server) as hub:
        publish(redis_client, beat())
        await until(hub, lambda state: state.workers)
        unwatched = hub.version
        with hub.watching():
            async with asyncio.timeout(5):
                await hub.next_version()
                await hub.next_version()
            started, first = time.monotonic(), hub.version
            while time.monotonic() - started < 2:
                publish(redis_client, beat())
                await asyncio.sleep(0.01)
            busy = hub.version - first
        assert unwatched == 1
        assert 4 <= busy <= 9, "at most four versions a second"
        seen = hub.version
        publish(redis_client, beat("needle@there"))
        await until(hub, lambda state: len(state.workers) == 2)
        assert hub.version == seen
