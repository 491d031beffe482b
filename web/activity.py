"""The list of activity, as this process writes it: who did what, in whose name, from where."""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from web.visitor import current
from wire.events import Activity, encode
from wire.keys import ACTIVITY_LENGTH, Keys

#: Entries written for the request that is being answered; a list, for threads share it.
_written: ContextVar[list[str] | None] = ContextVar("needle.activity", default=None)


def add(
    pipe: Pipeline | Redis,
    keys: Keys,
    action: str,
    *,
    actor: str = "page",
    scan_id: str = "",
    target: str = "",
    detail: str = "",
) -> Any:
    """Put an entry into a pipeline, or give what a client's call is to be awaited with.

    Role, device and address are those of whoever sent the request that is being answered.
    """
    entry = Activity(time.time(), actor, action, scan_id, target, detail)
    fields: Any = encode(signed(entry))
    return pipe.xadd(keys.activity, fields, maxlen=ACTIVITY_LENGTH)


def signed(entry: Activity) -> Activity:
    """`entry` in the name of whoever sent the request that is being answered.

    For entries that are written in some other way than by `add`.
    """
    who, written = current.get(), _written.get()
    if written is not None:
        written.append(entry.action)
    return replace(
        entry,
        actor=who.named(entry.actor),
        role=who.role,
        device=who.device,
        address=who.address,
    )


class ActivityLog:
    """The list of one Redis."""

    def __init__(self, client: Redis, keys: Keys) -> None:
        self._client, self._keys = client, keys

    async def write(
        self, action: str, *, actor: str = "page", target: str = "", detail: str = ""
    ) -> None:
        """Write an entry, as `add` does.  Raises what redis-py raises."""
        await add(self._client, self._keys, action, actor=actor, target=target, detail=detail)


def nothing() -> None:
    """Say that this request changes nothing: it is not listed then."""
    written = _written.get()
    if written is not None:
        written.append("")


def begin() -> list[str]:
    """The list of what will be written for this request from now on."""
    written: list[str] = []
    _written.set(written)
    return written
