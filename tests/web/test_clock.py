"""What workers and the watcher say of the clock reaches the page."""

from __future__ import annotations

import pytest
import redis
import redis.asyncio

from tests.servers import ValkeyServer
from tests.web.records import KEYS
from web.model import Model
from web.snapshot import read_snapshot
from web.state import State
from wire.events import dump
from wire.schedule import ScheduleStatus, WatchStatus
from wire.states import ScanMode

pytestmark = pytest.mark.anyio

SCHEDULE = ScheduleStatus(at=1.0, next_scan_at=5.0, next_scan_mode=ScanMode.FULL, quiet_until=4.0)
WATCH = WatchStatus(at=1.0, pid=1, roots=("abc",), changed=2, notes=("<b>not seen</b>",))


async def state_of(server: ValkeyServer) -> State:
    """What the page would show now."""
    async with redis.asyncio.Redis.from_url(server.url) as client:
        model = Model()
        model.replace(await read_snapshot(client, KEYS, []))
    return model.state(version=1, redis_error="", fresh_at=0.0)


async def test_clock_and_watcher_are_shown(
    valkey_server: ValkeyServer, redis_client: redis.Redis
) -> None:
    state = await state_of(valkey_server)
    assert (state.schedule, state.watch) == (None, None)
    redis_client.set(KEYS.schedule, dump(SCHEDULE))
    redis_client.set(KEYS.watch, dump(WATCH))
    state = await state_of(valkey_server)
    assert (state.schedule, state.watch) == (SCHEDULE, WATCH)


@pytest.mark.parametrize(
    "forged", [b"", b"[]", b'{"at":1e999,"pid":1}', b'{"at":"x"}', b"x" * 100_000, b"\xff"]
)
async def test_forged_status_is_ignored(
    valkey_server: ValkeyServer, redis_client: redis.Redis, forged: bytes
) -> None:
    for key in (KEYS.schedule, KEYS.watch):
        redis_client.set(key, forged)
    state = await state_of(valkey_server)
    assert (state.schedule, state.watch) == (None, None)
