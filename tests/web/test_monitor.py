"""How much of what was counted is read, and when it is read again."""

from __future__ import annotations

import pytest
import redis

from tests.servers import ValkeyServer
from tests.web.counted import counting, ran
from tests.web.records import KEYS
from tests.web.test_hub import until
from web.connection import connect
from web.hub import Hub
from web.metrics.measured import Depth, Measured
from web.metrics.monitor import Monitor
from wire.metrics import SUCCESS

pytestmark = pytest.mark.anyio


async def test_a_reading_is_as_deep_as_the_question(
    valkey_server: ValkeyServer, redis_client: redis.Redis
) -> None:
    with counting(redis_client) as tally:
        ran(tally, "shop.pay", 0.02)
        tally.size("shop.pay", "wire_bytes", 900, "id", "celery")
        tally.sample("depth", "celery", 3)
    hub, client = Hub(valkey_server.url, KEYS, []), connect(valkey_server.url)
    monitor = Monitor(client, KEYS, hub)

    async def measured(depth: Depth = Depth.ALL) -> Measured:
        found = (await monitor.read(depth)).measured
        assert found is not None
        return found

    try:
        async with hub.running():
            await until(hub, lambda state: state.redis_ok)
            shallow = await measured(Depth.QUEUES)
            assert (shallow.totals.tasks, shallow.sizes, shallow.hosts) == ({}, {}, {})
            totals = await measured(Depth.TOTALS)
            assert totals.totals.tasks["shop.pay", SUCCESS] == 1, "it was read anew"
            assert (totals.sizes, totals.hosts) == ({}, {})
            everything = await measured()
            assert everything.totals == totals.totals
            assert everything.sizes["shop.pay"].measures["wire_bytes"].max == 900
            assert set((await monitor.read()).hosts) == {"needle@here"}
            # What is known is used, unless this process stands still for a second each time.
            known = [(await measured(), await measured(Depth.QUEUES)) for _ in range(5)]
            assert any(shallow is deep for deep, shallow in known)
    finally:
        await client.aclose()
