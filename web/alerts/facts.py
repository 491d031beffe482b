"""What alerts are about, read from Redis: the last minutes, the days, what was put aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from redis.asyncio import Redis

from web.metrics.measured import Measured
from web.state import State
from wire.keys import Keys
from wire.metrics import TrendPoint, read_trend, starts
from wire.payloads import TaskSizes, read_sizes

#: Full minutes that shares and quantiles are taken from.
MINUTES = 5
MINUTE_SECONDS = 60
#: Days before today that a task's growth is measured against.
DAYS = 7


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything at one moment; None: not known."""

    at: float
    state: State
    minutes: tuple[TrendPoint, ...] = ()  #: the last full ones, oldest first
    this_minute: TrendPoint | None = None
    today: Mapping[str, TaskSizes] = field(default_factory=dict)  #: by task
    before: Mapping[str, TaskSizes] = field(default_factory=dict)  #: the days before, together
    measured: Measured | None = None  #: queues of all applications, and Redis itself


async def read_minutes(client: Redis, keys: Keys, now: float) -> tuple[TrendPoint, ...]:
    """The last full minutes and the one that runs, oldest first."""
    moments = starts(MINUTE_SECONDS, now, MINUTES + 1)
    async with client.pipeline(transaction=False) as pipe:
        for at in moments:
            pipe.hgetall(keys.metrics_trend(MINUTE_SECONDS, at))
        answers = await pipe.execute(raise_on_error=False)
    return tuple(
        read_trend(at, answer if isinstance(answer, dict) else {})
        for at, answer in zip(moments, answers, strict=True)
    )


async def read_days(
    client: Redis, keys: Keys, now: float
) -> tuple[dict[str, TaskSizes], dict[str, TaskSizes]]:
    """The sizes of today, and those of the week before it, each by task."""
    today = datetime.fromtimestamp(now, UTC).date()
    days = [(today - timedelta(days=n)).isoformat() for n in range(DAYS + 1)]
    async with client.pipeline(transaction=False) as pipe:
        for day in days:
            pipe.hgetall(keys.sizes_day(day))
        answers = await pipe.execute(raise_on_error=False)
    first, *rest = (_sizes(answer) for answer in answers)
    before: dict[str, TaskSizes] = {}
    for day_sizes in rest:
        for task, sizes in day_sizes.items():
            before[task] = _larger(before.get(task), sizes)
    return first, before


def _sizes(answer: Any) -> dict[str, TaskSizes]:
    return dict(read_sizes(answer)) if isinstance(answer, dict) else {}


def _larger(one: TaskSizes | None, other: TaskSizes) -> TaskSizes:
    """Both together, measure by measure."""
    if one is None:
        return other
    names = one.measures.keys() | other.measures.keys()
    return TaskSizes(one.task, {name: one[name] + other[name] for name in names})
