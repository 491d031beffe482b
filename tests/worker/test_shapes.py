"""Celery's own keys: what is something else is removed, what is right stays."""

from __future__ import annotations

import redis

from tests.forged_keys import FORGERS
from worker.shapes import TYPES, remove_misshapen

KINDS = {name: name.encode() for name in FORGERS} | {"sorted_set": b"zset"}


def test_only_what_is_misshapen_is_removed(redis_client: redis.Redis) -> None:
    for name, kind in KINDS.items():
        redis_client.flushall()
        for key in TYPES:
            FORGERS[name](redis_client, key, b"x")
        remove_misshapen(redis_client)
        left = {key.decode() for key in redis_client.keys("*")}  # type: ignore[union-attr]
        assert left == {key for key, wanted in TYPES.items() if wanted == kind}
