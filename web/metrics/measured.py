"""One read of Redis: everything that was counted, and how the queues are, as a frozen Measured.

Two scripts do the reading, because their answers are a few long texts: a hash of thousands of
fields costs redis-py ten times as much as Redis.  They get their keys as arguments: keys of a
script need the right to write, and the page may only read.  Whatever lies in Redis, nothing here
raises but what redis-py raises, and nothing grows without bound.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from redis.asyncio import Redis

from wire import fields
from wire.domain import Domain, read_domain
from wire.fields import read_count
from wire.keys import METRIC_FIELDS, Keys
from wire.metrics import FAILURE, HostTotals, Sample, Totals, read_host, read_totals, read_trend
from wire.names import QUEUE_NAMES
from wire.payloads import (
    Finding,
    SizeLimits,
    TaskSizes,
    read_findings,
    read_limits,
    read_sizes,
)
from wire.transport import waiting_lists

#: Queues of other applications that are looked at.
OTHER_QUEUES_MAX = 100
#: Workers and producers that are told apart.
HOSTS_MAX = 100
#: Fields of all their hashes together; with more, nobody is told apart.
HOST_FIELDS_MAX = 8_000
#: Kombu's own separator of a queue and a priority, and another one that is common.
_SEPARATORS = ("\x06\x16", ":")

#: ARGV: fields of a hash at most, where the key of a host begins, hosts and their fields at most,
#: then the keys: this minute, the minute before, findings, totals, sizes, domain, hosts.  A key
#: that is empty is not asked for.
_READ_COUNTED = """
local function size(key)
  if key == '' then return 0 end
  local found = redis.pcall('HLEN', key)
  return type(found) == 'number' and found or -1
end
local function whole(key)
  local n = size(key)
  if n < 1 or n > tonumber(ARGV[1]) then return '' end
  return table.concat(redis.call('HGETALL', key), '\\n')
end
local function some(key, is_told)
  local n = size(key)
  if n < 1 or n > tonumber(ARGV[1]) then return '' end
  local all, told = redis.call('HGETALL', key), {}
  for i = 1, #all, 2 do
    if is_told(all[i]) then
      told[#told + 1] = all[i]
      told[#told + 1] = all[i + 1]
    end
  end
  return table.concat(told, '\\n')
end
local function in_a_minute(name)
  return string.find(name, '^task|.*|failure$') or string.find(name, '^depth|')
end
local function of_sizes(name)
  return string.find(name, '|wire_bytes', 1, true) or string.find(name, '^n|')
    or string.find(name, '^[mc][au][xt]|')
end
local answer = {
  some(ARGV[5], in_a_minute), some(ARGV[6], in_a_minute), whole(ARGV[7]),
  whole(ARGV[8]), some(ARGV[9], of_sizes), whole(ARGV[10]),
}
local hosts = {}
if ARGV[11] ~= '' then
  hosts = redis.pcall('ZREVRANGE', ARGV[11], 0, ARGV[3] - 1, 'WITHSCORES')
  if hosts.err then hosts = {} end
end
local fields = 0
for i = 1, #hosts, 2 do fields = fields + math.max(0, size(ARGV[2] .. hosts[i])) end
local folded = fields > tonumber(ARGV[4])
answer[7] = folded and 1 or 0
for i = 1, #hosts, 2 do
  answer[#answer + 1] = hosts[i]
  answer[#answer + 1] = hosts[i + 1]
  answer[#answer + 1] = folded and '' or whole(ARGV[2] .. hosts[i])
end
return answer
"""

#: For each list in ARGV: its length (-1: it is none), bytes (-1: not known), when its oldest
#: message was sent.
_READ_QUEUES = """
local answer = {}
for _, key in ipairs(ARGV) do
  local length, used, sent = redis.pcall('LLEN', key), 0, ''
  if type(length) ~= 'number' then
    length, used = -1, -1
  elseif length > 0 then
    used = redis.pcall('MEMORY', 'USAGE', key, 'SAMPLES', 5)
    if type(used) ~= 'number' then used = -1 end
    local oldest, at = redis.call('LINDEX', key, -1), 0
    for _ = 1, 8 do
      at = string.find(oldest, '"needle"', at + 1, true)
      if not at then break end
      sent = string.match(oldest, '^"needle"%s*:%s*%[%s*(%d+%.?%d*)', at) or ''
      if sent ~= '' then break end
    end
  end
  answer[#answer + 1] = length
  answer[#answer + 1] = used
  answer[#answer + 1] = sent
end
return answer
"""


class Depth(IntEnum):
    """How much of what was counted is read: the most takes ten times as long as the least."""

    QUEUES = 1  #: queues, Redis, findings, failures of the last minute
    TOTALS = 2  #: and what all workers and senders have counted together
    ALL = 3  #: and what each of them has, sizes, the applications' own metrics


@dataclass(frozen=True, slots=True)
class QueueMeasures:
    """A queue, its lists of all priorities together.  None: not known."""

    name: str
    waiting: int | None = None
    memory_bytes: int | None = None
    oldest_seconds: float | None = None  #: age of the oldest message; 0.0: none waits


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything that was counted, at one moment."""

    at: float  #: Redis's clock, epoch seconds
    depth: Depth = Depth.ALL
    totals: Totals = field(default_factory=Totals)
    hosts: Mapping[str, HostTotals] = field(default_factory=dict)  #: by `name@host`
    folded: bool = False  #: too much was counted to tell hosts apart: there are none
    flushed: Mapping[str, float] = field(default_factory=dict)  #: `name@host` -> seconds ago
    domain: Domain = field(default_factory=Domain)
    sizes: Mapping[str, TaskSizes] = field(default_factory=dict)  #: `wire_bytes`, maxima, cuts
    findings: tuple[Finding, ...] = ()  #: what JSON could not hold, latest first
    limits: SizeLimits | None = None
    failures_a_minute: Mapping[str, float] = field(default_factory=dict)  #: by task
    depth_before: Mapping[str, Sample] = field(default_factory=dict)  #: queues a minute ago
    depth_before_at: float = 0.0
    queues: tuple[QueueMeasures, ...] = ()
    in_flight: int | None = None  #: messages handed out and not acknowledged
    oldest_in_flight_seconds: float | None = None  #: 0.0: there is none
    redis_bytes: int | None = None
    redis_bytes_max: int | None = None  #: 0: no limit
    dead: int | None = None  #: messages that were refused and put aside


def lists_of(queue: str, queues: Iterable[str]) -> tuple[str, ...]:
    """The Redis lists that may hold waiting messages of a queue.

    Another application says neither its separator nor its steps: all that are usual are looked
    at, but none that is a queue of its own.
    """
    if queue in QUEUE_NAMES:
        return waiting_lists(queue)
    known = frozenset(queues)
    steps = (f"{queue}{sep}{step}" for sep in _SEPARATORS for step in range(1, 10))
    return (queue, *(name for name in steps if name not in known))


async def read_measured(
    client: Redis, keys: Keys, queues: Sequence[str], depth: Depth = Depth.ALL
) -> Measured:
    """Read everything down to `depth` in one round trip.  Raises what redis-py raises."""
    lists = {queue: lists_of(queue, queues) for queue in queues}
    minute = int(time.time()) // 60 * 60
    hashes = [keys.metrics_trend(60, minute), keys.metrics_trend(60, minute - 60), keys.findings]
    hashes += [keys.metrics_totals] if depth >= Depth.TOTALS else [""]
    deepest = [keys.sizes, keys.metrics_domain, keys.metrics_hosts]
    hashes += deepest if depth >= Depth.ALL else [""] * len(deepest)
    names = [name for group in lists.values() for name in group]
    bounds = (METRIC_FIELDS, keys.metrics_host(""), HOSTS_MAX, HOST_FIELDS_MAX)
    async with client.pipeline(transaction=False) as pipe:
        pipe.time()
        await client.register_script(_READ_COUNTED)(args=[*bounds, *hashes], client=pipe)
        await client.register_script(_READ_QUEUES)(args=names, client=pipe)
        pipe.hlen("unacked")
        pipe.zrange("unacked_index", 0, 0, withscores=True)
        pipe.get(keys.size_limits)
        pipe.get(keys.refused)
        pipe.info("memory")
        answers = await pipe.execute(raise_on_error=False)
    now, counted, measured, in_flight, oldest, limits, dead, memory = answers
    for answer in (now, counted, measured):
        if isinstance(answer, Exception):
            raise answer
    at = now[0] + now[1] / 1e6
    return Measured(
        at=at,
        depth=depth,
        queues=_queues(lists, measured, at),
        in_flight=in_flight if isinstance(in_flight, int) else None,
        oldest_in_flight_seconds=_oldest_in_flight(oldest, at),
        limits=read_limits(limits) if isinstance(limits, bytes) else None,
        dead=_count(dead),
        redis_bytes=_number_in(memory, "used_memory"),
        redis_bytes_max=_number_in(memory, "maxmemory"),
        **_counted(counted, minute, at),
    )


def pairs(text: bytes) -> dict[bytes, bytes]:
    """A hash as the script joined it."""
    parts = text.split(b"\n")
    return dict(zip(parts[::2], parts[1::2], strict=False))


def _counted(answer: Sequence[Any], minute: int, at: float) -> dict[str, Any]:
    """The fields of Measured in the answer of `_READ_COUNTED`."""
    this, before, findings, totals, sizes, domain, folded, *rest = answer
    hosts = {
        raw.decode(): (float(score), text)
        for raw, score, text in zip(rest[::3], rest[1::3], rest[2::3], strict=True)
        if _is_label(raw)
    }
    current, previous = read_trend(minute, pairs(this)), read_trend(minute - 60, pairs(before))
    # The part of the minute before that is no older than a minute, as if it had been even.
    share = 1 - min(max(time.time() - minute, 0.0), 60.0) / 60
    failed = {task for task, status in (*current.tasks, *previous.tasks) if status == FAILURE}
    return {
        "totals": read_totals(pairs(totals)),
        "domain": read_domain(pairs(domain)),
        "sizes": read_sizes(pairs(sizes)),
        "findings": read_findings(pairs(findings)),
        "folded": bool(folded),
        "hosts": {name: read_host(pairs(text)) for name, (_, text) in hosts.items() if text},
        "flushed": {name: max(0.0, at - score) for name, (score, _) in hosts.items()},
        "failures_a_minute": {
            task: current.tasks.get((task, FAILURE), 0)
            + share * previous.tasks.get((task, FAILURE), 0)
            for task in failed
        },
        "depth_before": previous.depth,
        "depth_before_at": minute - 30.0,  # about: a queue is looked at once in a minute
    }


def _queues(
    lists: Mapping[str, Sequence[str]], answer: Sequence[Any], at: float
) -> tuple[QueueMeasures, ...]:
    found = iter(zip(answer[::3], answer[1::3], answer[2::3], strict=True))
    return tuple(_queue(name, [next(found) for _ in group], at) for name, group in lists.items())


def _queue(name: str, parts: Sequence[tuple[int, int, bytes]], at: float) -> QueueMeasures:
    lengths = [length for length, _, _ in parts if length >= 0]
    # A list of another type cannot be one of another application's: only the first one must be.
    if not parts or parts[0][0] < 0:
        return QueueMeasures(name)
    filled = [part for part in parts if part[0] > 0]
    ages = [_age(sent, at) for _, _, sent in filled]
    told = [age for age in ages if age is not None]
    return QueueMeasures(
        name,
        waiting=sum(lengths),
        memory_bytes=(
            None if any(used < 0 for _, used, _ in filled) else sum(used for _, used, _ in filled)
        ),
        oldest_seconds=max(told) if told else (None if filled else 0.0),
    )


def _age(sent: bytes, at: float) -> float | None:
    """Seconds since a message was sent; None when it does not say."""
    if not sent or len(sent) > 20:
        return None
    sent_at = float(sent)
    return max(0.0, at - sent_at) if 0 < sent_at < 1e11 else None


def _oldest_in_flight(answer: Any, at: float) -> float | None:
    if not isinstance(answer, list):
        return None
    if not answer:
        return 0.0
    score = float(answer[0][1])
    return max(0.0, at - score) if math.isfinite(score) and 0 < score < 1e11 else None


def _count(answer: Any) -> int | None:
    """A counter; nobody has counted anything where there is none."""
    if answer is None:
        return 0
    return read_count(answer) if isinstance(answer, bytes) else None


def _number_in(answer: Any, name: str) -> int | None:
    value = answer.get(name) if isinstance(answer, dict) else None
    return value if isinstance(value, int) else None


def _is_label(raw: bytes) -> bool:
    try:
        return len(raw.decode()) <= fields.LABEL_CHARS
    except UnicodeDecodeError:
        return False
