"""Records as a worker would write them to Redis."""

from __future__ import annotations

from typing import Any

import redis

from wire.events import Event, Problem, RootStatus, Scan, ScanChanged, WorkerBeat, dump, encode
from wire.keys import WORKER_TTL, Keys
from wire.names import QUEUE_NAMES
from wire.states import ScanMode, ScanState

KEYS = Keys("needle")
AT = 1_795_000_000.0


def scan(number: int = 1, **changes: Any) -> Scan:
    """A scan at work; its id ends in `number`."""
    values: dict[str, Any] = {
        "id": f"20261121T010203-{number:06x}",
        "root_id": "0123456789ab",
        "root": "/music",
        "mode": ScanMode.QUICK,
        "state": ScanState.SCANNING,
        "requested_at": AT + number,
        "started_at": AT + number,
        "updated_at": AT + number,
        "revision": 1,
    }
    return Scan(**values | changes)


def beat(worker: str = "needle@here", **changes: Any) -> WorkerBeat:
    """A sign of life of a worker that takes from every queue."""
    values: dict[str, Any] = {
        "worker": worker,
        "pid": 1,
        "at": AT,
        "started_at": AT,
        "interval_seconds": 5.0,
        "queues": QUEUE_NAMES,
    }
    return WorkerBeat(**values | changes)


def problem(number: int, **changes: Any) -> Problem:
    """A problem of an unreadable file."""
    values: dict[str, Any] = {
        "id": number,
        "path": f"odd/{number}.mp3",
        "outcome": "unreadable",
        "error_class": "HeaderNotFoundError",
        "message": "can't sync to MPEG frame",
        "at": AT,
    }
    return Problem(**values | changes)


def publish(client: redis.Redis, event: Event) -> None:
    """Say `event` as a worker would, with the records that belong to it."""
    fields: Any = encode(event)
    if isinstance(event, ScanChanged):
        known = event.scan
        document: Any = {"revision": known.revision, "doc": dump(known)}
        client.hset(KEYS.scan(known.id), mapping=document)
        client.zadd(KEYS.scans, {known.id: known.requested_at})
        if known.is_final:
            client.hdel(KEYS.active, known.root_id)
        else:
            client.hset(KEYS.active, known.root_id, known.id)
    if isinstance(event, WorkerBeat):
        client.set(KEYS.worker(event.worker), dump(event), ex=WORKER_TTL)
        client.zadd(KEYS.workers, {event.worker: event.at})
    client.xadd(KEYS.events, fields)


def publish_scan(client: redis.Redis, number: int = 1, **changes: Any) -> Scan:
    """Publish `scan(number, **changes)`."""
    made = scan(number, **changes)
    publish(client, ScanChanged(made))
    return made


def publish_problems(client: redis.Redis, scan_id: str, problems: list[Problem]) -> None:
    """Put problems where a worker puts them."""
    members: Any = {dump(p): p.id for p in problems}
    client.zadd(KEYS.problems(scan_id), members)


def publish_root(client: redis.Redis, status: RootStatus) -> None:
    """Say how a music folder is."""
    client.hset(KEYS.roots, status.id, dump(status))
