"""Celery's own keys in Redis, when somebody has made something else of them.

A queue that is no list ends each worker that takes from it.  So whatever has another type is
removed before a worker takes anything; it can hold no messages.
"""

from __future__ import annotations

import logging
from typing import cast

import redis

from wire.names import QUEUE_NAMES
from wire.transport import waiting_lists

log = logging.getLogger(__name__)

TYPES = {
    **{name: b"list" for queue in QUEUE_NAMES for name in waiting_lists(queue)},
    **{f"_kombu.binding.{queue}": b"set" for queue in QUEUE_NAMES},
    **{f"_kombu.binding_permanent.{queue}": b"set" for queue in QUEUE_NAMES},
    "_kombu.binding.celery.pidbox": b"set",
    "_kombu.binding_permanent.celery.pidbox": b"set",
    "_kombu.binding_deadlines": b"zset",
    "unacked": b"hash",
    "unacked_index": b"zset",
    "unacked_mutex": b"string",
}


def remove_misshapen(client: redis.Redis) -> None:
    """Remove what is not of the type that Celery needs.  Raises what redis-py raises."""
    pipe = client.pipeline(transaction=False)
    for name in TYPES:
        pipe.type(name)
    found = cast("list[bytes]", pipe.execute())
    for (name, wanted), kind in zip(TYPES.items(), found, strict=True):
        if kind not in (wanted, b"none"):
            log.warning("removed %s from Redis: it was a %s", name, kind.decode("ascii", "replace"))
            client.delete(name)
