"""How the web process reaches Redis: short timeouts, no hidden retries, errors as sentences."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    TimeoutError,
)

from wire.transport import client_url

#: What any use of a client may raise when Redis is away or refuses.
REDIS_ERRORS = (RedisError, OSError)

#: A stream entry: its id, its fields.
Entry = tuple[bytes, Mapping[bytes, bytes]]

#: Seconds; longer than the blocking read of the hub.
SOCKET_TIMEOUT_SECONDS = 5.0


def connect(url: str) -> Redis:
    """A client whose commands fail after 5 s and are never repeated by the library."""
    return Redis.from_url(
        client_url(url),
        socket_timeout=SOCKET_TIMEOUT_SECONDS,
        socket_connect_timeout=3.0,
        retry=Retry(NoBackoff(), 0),
    )


async def read_streams(
    client: Redis, position: Mapping[str, str], *, count: int, block_ms: int
) -> list[tuple[bytes, list[Entry]]]:
    """The entries after `position` (stream -> id), waiting up to `block_ms` for the first."""
    streams: dict[Any, Any] = dict(position)
    answer: Any = await client.xread(streams, count=count, block=block_ms)
    return cast("list[tuple[bytes, list[Entry]]]", answer)


async def read_range(client: Redis, stream: str, start: str, count: int) -> list[Entry]:
    """The first `count` entries of `stream` from `start` on."""
    answer: Any = await client.xrange(stream, min=start, count=count)
    return cast("list[Entry]", answer)


async def read_members(client: Redis, key: str, first: int, last: int) -> list[bytes]:
    """The members of a sorted set by rank, both ends included; lowest score first."""
    answer: Any = await client.zrange(key, first, last)
    return cast("list[bytes]", answer)


def cause(error: BaseException) -> str:
    """Why Redis did not do what was asked: one plain English sentence without addresses."""
    if isinstance(error, BusyLoadingError):
        return "It is loading its data."
    if isinstance(error, AuthenticationError):
        return "It refuses the password."
    if isinstance(error, ReadOnlyError):
        return "It is read-only."
    if isinstance(error, OutOfMemoryError):
        return "Its memory limit is reached."
    if isinstance(error, (TimeoutError, builtins.TimeoutError)):
        return "It hangs: no answer in time."
    if isinstance(error, (ConnectionError, OSError)):
        return "The connection is refused or lost."
    return "It refuses a command that the page needs."
