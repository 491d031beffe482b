"""Automatic mode: one worker keeps the limits at the recommendation."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from tests.servers import ValkeyServer
from tests.wire.measured import SEED, fields_of
from wire.events import Activity, decode, dump
from wire.keys import Keys
from wire.payloads import SizeLimits, read_limits
from worker.metrics.automatic import AutomaticLimits
from worker.metrics.recorder import Recorder

KEYS = Keys("test-automatic")
ON = SizeLimits(1_024, 1_024, automatic=True)


@pytest.fixture
def automatic(valkey_server: ValkeyServer, redis_client: redis.Redis) -> AutomaticLimits:
    redis_client.hset(KEYS.sizes, mapping=SEED)  # type: ignore[arg-type]
    return AutomaticLimits(Recorder(lambda: (valkey_server.url, KEYS), "w@here", 20))


def limits(client: redis.Redis) -> SizeLimits | None:
    raw: Any = client.get(KEYS.size_limits)
    return read_limits(raw)


def test_off_changes_nothing(automatic: AutomaticLimits, redis_client: redis.Redis) -> None:
    automatic.look("w@here")
    assert limits(redis_client) is None
    redis_client.set(KEYS.size_limits, dump(SizeLimits(1_024, 1_024, "anna", 1.0)))
    automatic.look("w@here")
    assert limits(redis_client) == SizeLimits(1_024, 1_024, "anna", 1.0)


def test_need_raises_the_limit_at_once(
    automatic: AutomaticLimits, redis_client: redis.Redis
) -> None:
    redis_client.set(KEYS.size_limits, dump(ON))
    automatic.look("w@here")
    now = limits(redis_client)
    assert now is not None
    assert (now.args, now.kwargs, now.set_by, now.automatic) == (
        131_072,
        131_072,
        "automatic",
        True,
    )
    entry: Any = redis_client.xrange(KEYS.activity)
    told = decode(entry[0][1])
    assert isinstance(told, Activity)
    assert (told.actor, told.detail) == ("automatic", "args 131072, kwargs 131072")


def test_one_worker_at_a_time_keeps_them(
    automatic: AutomaticLimits, redis_client: redis.Redis
) -> None:
    redis_client.set(KEYS.size_limits, dump(ON))
    automatic.look("first@here")
    larger = fields_of("t", {"args": [300_000], "kwargs": [2]})
    redis_client.hset(KEYS.sizes, mapping=larger)  # type: ignore[arg-type]
    automatic.look("second@there")
    now = limits(redis_client)
    assert now is not None
    assert now.args == 131_072
    assert redis_client.get(KEYS.sizes_turn) == b"first@here"
    assert 0 < int(str(redis_client.ttl(KEYS.sizes_turn))) <= 9

    redis_client.delete(KEYS.sizes_turn)
    automatic.look("second@there")
    now = limits(redis_client)
    assert now is not None
    assert now.args == 524_288
