"""Every Redis key of Needle, by name, and values that nobody should find there."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

import redis

from wire.keys import Keys

SCAN_ID = "20261121T010203-4f2a1c"
#: Parameter of a method of `Keys` -> an argument.
ARGUMENTS: Mapping[str, object] = {
    "scan_id": SCAN_ID,
    "batch_id": 1,
    "digest": "0" * 64,
    "answer_id": "0" * 32,
    "name": "needle@forged",
    "host": "needle@forged",
    "span": 60,
    "at": 1_795_000_020,
    "process": "needle@forged:1",
    "day": "2026-11-21",
}


def all_keys(keys: Keys, **arguments: object) -> dict[str, str]:
    """Name of the key in `wire.keys` -> the key, methods called with `arguments` or `ARGUMENTS`."""
    found = {}
    for name, member in inspect.getmembers(Keys):
        if isinstance(member, property):
            found[name] = str(getattr(keys, name))
        elif inspect.isfunction(member) and not name.startswith("_"):
            wanted = list(inspect.signature(member).parameters)[1:]
            values = [(ARGUMENTS | arguments)[parameter] for parameter in wanted]
            found[name] = str(getattr(keys, name)(*values))
    return found


#: Whatever stands in a field: scripts, absurd figures, other types, deep and long things.
VALUES = (
    b"", b"<script>alert(1)</script>", b"{{ 7*7 }}{% raw %}", b"\x1b[31m\x00", b"=1+1", b"NaN",
    b"1e308", b"-1", b"9" * 400, b"null", b"[]", b"{}", b"7", b'"text"', b"\xff\xfe",
    "é".encode() * 99, b"\xed\xa0\x80", b"z\x78\x9c", b"[" * 5_000,
    b'{"a":' * 900 + b"1" + b"}" * 900, b'{"at": NaN, "count": 1e999}',
    json.dumps({"id": SCAN_ID, "state": "scanning"}).encode(), b"x" * 200_000,
)  # fmt: skip


def forge_string(client: redis.Redis, key: str, value: bytes) -> None:
    client.set(key, value)


def forge_list(client: redis.Redis, key: str, value: bytes) -> None:
    client.rpush(key, value, value)


def forge_hash(client: redis.Redis, key: str, value: bytes) -> None:
    fields: Any = {b"doc": value, b"revision": value, b"stop": value, value[:1000]: value}
    client.hset(key, mapping=fields)


def forge_set(client: redis.Redis, key: str, value: bytes) -> None:
    client.sadd(key, value)


def forge_sorted_set(client: redis.Redis, key: str, value: bytes) -> None:
    members: Any = {value: float("inf"), SCAN_ID: -1e308, b"needle@forged": 1e308}
    client.zadd(key, members)


def forge_stream(client: redis.Redis, key: str, value: bytes) -> None:
    for kind in (b"ScanChanged", b"WorkerBeat", b"Activity", b"ScanAt", b"WorkerGone", value[:99]):
        fields: Any = {b"type": kind, b"v": b"1", b"data": value, value[:99] or b"f": value}
        client.xadd(key, fields)


Forger = Callable[[redis.Redis, str, bytes], None]
FORGERS: Mapping[str, Forger] = {
    forger.__name__.removeprefix("forge_"): forger
    for forger in (
        forge_string, forge_list, forge_hash, forge_set, forge_sorted_set, forge_stream,
    )
}  # fmt: skip
