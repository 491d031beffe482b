"""One read of Redis: everything the page needs that is not told by events.

A Pulse is the part that has no events (queue depths, folders, problems) and is read again every
few seconds; a Snapshot is all of it, for a start or any doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from web.entries import MAX_ENTRY_BYTES, read_activity
from web.state import SCANS_SHOWN
from wire.events import Activity, EventError, Problem, RootStatus, Scan, WorkerBeat, load
from wire.keys import WORKER_TTL, Keys
from wire.names import QUEUE_NAMES, is_scan_id
from wire.refusals import RefusedMessage
from wire.roots import Root
from wire.schedule import ScheduleStatus, WatchStatus
from wire.states import ScanState
from wire.transport import waiting_lists

#: First paint is bounded: rows of problems and of activity.
ROWS = 20
#: Workers that are shown.
WORKERS_MAX = 64

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pulse:
    """What no event tells."""

    epoch: bytes | None = None  #: another value: Redis was emptied
    newest: str | None = None  #: id of the newest scan
    waiting: Mapping[str, int] = field(default_factory=dict)  #: queue -> messages, all priorities
    in_flight: int | None = None  #: messages handed out, whole database
    roots: tuple[RootStatus, ...] = ()
    problems: tuple[Problem, ...] = ()  #: the first of the shown scan
    problems_kept: int = 0  #: how many of them Redis holds
    schedule: ScheduleStatus | None = None  #: None: no worker says what the clock will bring
    watch: WatchStatus | None = None  #: None: no folder is watched
    refusal: str = ""  #: why Redis takes no new data: a plain sentence
    refused: int = 0  #: messages that workers refused
    last_refused: RefusedMessage | None = None
    trouble: str = ""  #: why the catalog cannot be used, in the words of its database


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything at one moment; events after `events_id` and `activity_id` are not in it."""

    events_id: str
    activity_id: str
    redis_at: float  #: Redis's clock, epoch seconds
    scans: tuple[Scan, ...]
    beats: tuple[tuple[WorkerBeat, float], ...]  #: with its age in seconds
    activity: tuple[Activity, ...]  #: newest first
    pulse: Pulse


def shown_scan(scans: Iterable[Scan]) -> Scan | None:
    """The scan the page is about: one at work, else one that waits, else the newest."""
    ordered = sorted(scans, key=lambda scan: (scan.requested_at, scan.id))
    active = [scan for scan in ordered if not scan.is_final]
    at_work = [scan for scan in active if scan.state is not ScanState.QUEUED]
    return next(iter(at_work or active), ordered[-1] if ordered else None)


async def read_snapshot(client: Redis, keys: Keys, roots: Sequence[Root]) -> Snapshot:
    """Read everything in three round trips.  Raises what redis-py raises."""
    async with client.pipeline(transaction=False) as pipe:
        # The ends of the streams first: what is published meanwhile is read again, not missed.
        pipe.xrevrange(keys.events, count=1)
        pipe.xrevrange(keys.activity, count=ROWS)
        pipe.time()
        pipe.zrevrange(keys.scans, 0, SCANS_SHOWN - 1)
        pipe.hvals(keys.active)
        pipe.zrevrange(keys.workers, 0, WORKERS_MAX - 1)
        events, activity, now, newest, active, workers = await pipe.execute()
    ids = [i for raw in dict.fromkeys(newest + active) if is_scan_id(i := raw.decode("latin-1"))]
    scans = await read_scans(client, keys, ids[: 2 * SCANS_SHOWN])
    return Snapshot(
        events_id=_last_id(events),
        activity_id=_last_id(activity),
        redis_at=now[0] + now[1] / 1e6,
        scans=scans,
        beats=await _read_beats(client, keys, workers),
        activity=tuple(a for _, fields in activity if (a := read_activity(fields))),
        pulse=await read_pulse(client, keys, roots, shown_scan(scans)),
    )


async def read_scans(client: Redis, keys: Keys, ids: Sequence[str]) -> tuple[Scan, ...]:
    """The scans of `ids` that Redis holds, in that order; damaged ones are left out."""
    async with client.pipeline(transaction=False) as pipe:
        for scan_id in ids:
            pipe.hget(keys.scan(scan_id), "doc")
        docs = await pipe.execute()
    return tuple(
        scan
        for scan_id, doc in zip(ids, docs, strict=True)
        if (scan := load_or_none(Scan, doc)) and scan.id == scan_id
    )


async def read_pulse(client: Redis, keys: Keys, roots: Sequence[Root], scan: Scan | None) -> Pulse:
    """Read what no event tells, with the first problems of `scan`, in one round trip."""
    async with client.pipeline(transaction=False) as pipe:
        pipe.get(keys.epoch)
        pipe.zrevrange(keys.scans, 0, 0)
        pipe.hlen("unacked")
        pipe.get(keys.trouble)
        pipe.hmget(keys.roots, [root.id for root in roots] or ["-"])
        problems_key = keys.problems(scan.id if scan else "-")
        pipe.zcard(problems_key)
        pipe.zrange(problems_key, 0, ROWS - 1)
        pipe.mget(keys.schedule, keys.watch, keys.refused)
        pipe.lindex(keys.dead, 0)
        for queue in QUEUE_NAMES:
            for name in waiting_lists(queue):
                pipe.llen(name)
        answers = await pipe.execute(raise_on_error=False)
    epoch, newest, in_flight, trouble, *rest = map(_known, answers)
    statuses, kept, problems, (schedule, watch, refused), dead, *lengths = rest
    steps = len(lengths) // len(QUEUE_NAMES)
    return Pulse(
        epoch=epoch,
        newest=newest[0].decode("latin-1") if newest else None,
        waiting={
            queue: sum(known)
            for i, queue in enumerate(QUEUE_NAMES)
            if None not in (known := lengths[i * steps : (i + 1) * steps])
        },
        in_flight=in_flight,
        roots=tuple(
            merged(root, doc)
            for root, doc in zip(roots, statuses or [None] * len(roots), strict=False)
        ),
        problems=tuple(p for doc in problems or () if (p := load_or_none(Problem, doc))),
        problems_kept=kept or 0,
        schedule=load_or_none(ScheduleStatus, schedule),
        watch=load_or_none(WatchStatus, watch),
        refused=_count(refused),
        last_refused=load_or_none(RefusedMessage, dead),
        refusal=await _read_refusal(client),
        trouble=trouble.decode("utf-8", "replace") if trouble else "",
    )


def _known(answer: Any) -> Any:
    """An answer of a pipeline; None when its key is of another type, as only others make it."""
    if isinstance(answer, ResponseError) and str(answer).startswith("WRONGTYPE"):
        return None
    if isinstance(answer, Exception):
        raise answer
    return answer


async def _read_refusal(client: Redis) -> str:
    """Why Redis answers and yet takes no new data, "" if it does: workers end then."""
    try:
        memory = await client.info("memory")
        replication = await client.info("replication")
    except ResponseError:  # an ACL may forbid it
        return ""
    if replication.get("role") == "slave":
        return "It is read-only."
    if memory.get("maxmemory") and memory["used_memory"] >= memory["maxmemory"]:
        return "Its memory limit is reached."
    return ""


def problems_total(scan: Scan, kept: int) -> int:
    """How many problems a scan has: Redis keeps a part of them, the counts are of all."""
    return max(kept, sum(scan.problems.values()))


def load_or_none(cls: type[T], doc: bytes | None) -> T | None:
    """The record in `doc`, None when it is missing, damaged or too large to be one of ours."""
    if doc is None or len(doc) > MAX_ENTRY_BYTES:
        return None
    try:
        return load(cls, doc)
    except EventError:
        return None


def _count(text: bytes | None) -> int:
    """A number of messages; 0 for what is none."""
    return int(text) if text and text.isdigit() and len(text) < 19 else 0


def merged(root: Root, doc: bytes | None) -> RootStatus:
    """What a worker said of `root`; nobody looked yet when it said nothing."""
    status = load_or_none(RootStatus, doc)
    if status is None or status.id != root.id:
        return RootStatus(id=root.id, display=root.display, readable=False)
    return status


async def _read_beats(
    client: Redis, keys: Keys, names: Sequence[bytes]
) -> tuple[tuple[WorkerBeat, float], ...]:
    async with client.pipeline(transaction=False) as pipe:
        for raw in names:
            key = keys.worker(raw.decode("utf-8", "replace"))
            pipe.get(key)
            pipe.pttl(key)
        answers = await pipe.execute()
    # The age comes from what is left of the key's life: a worker's clock may be hours off.
    pairs = zip(answers[::2], answers[1::2], strict=True)
    return tuple(
        (beat, min(max(WORKER_TTL - ttl / 1000, 0.0), float(WORKER_TTL)))
        for doc, ttl in pairs
        if (beat := load_or_none(WorkerBeat, doc))
    )


def _last_id(entries: Sequence[tuple[bytes, Any]]) -> str:
    """The id of the newest of `entries` (newest first), or of the beginning of time."""
    return entries[0][0].decode() if entries else "0-0"
