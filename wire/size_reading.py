"""What is asked of Redis for a report of sizes: two rounds, the same for every client.

A pipeline is handed in, of redis-py's blocking or asynchronous client: this room needs neither.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

from wire.keys import Keys
from wire.metrics import read_trend
from wire.payloads import SizeLimits, read_findings, read_limits, read_sizes
from wire.size_report import SizeReport, day_of, make_report, minutes_wanted

#: Days of the trend.
DAYS = 14


class Pipeline(Protocol):
    """The commands that are used of a pipeline."""

    def get(self, name: str) -> Any:
        """GET."""

    def hgetall(self, name: str) -> Any:
        """HGETALL."""


def ask_limits(pipe: Pipeline, keys: Keys) -> None:
    """The first round; its replies go to `Reading`."""
    pipe.get(keys.size_limits)
    pipe.get(keys.sizes_since)


class Reading:
    """A report in the making."""

    def __init__(self, keys: Keys, replies: Sequence[Any], now: float) -> None:
        """`replies` are those of `ask_limits`."""
        limits, since = replies
        self.limits: SizeLimits | None = read_limits(limits)
        self._since = _moment(since)
        self._keys, self._now = keys, now
        self._days = [day_of(now - ago * 86_400) for ago in range(DAYS - 1, -1, -1)]
        self._minutes = minutes_wanted(now, self.limits)

    def ask(self, pipe: Pipeline) -> None:
        """The second round; its replies go to `report`."""
        pipe.hgetall(self._keys.sizes)
        pipe.hgetall(self._keys.findings)
        for day in self._days:
            pipe.hgetall(self._keys.sizes_day(day))
        for at in self._minutes:
            pipe.hgetall(self._keys.metrics_trend(60, at))

    def report(self, replies: Sequence[Any]) -> SizeReport:
        """The report of the replies to `ask`."""
        sizes, findings, *rest = replies
        days, minutes = rest[: len(self._days)], rest[len(self._days) :]
        return make_report(
            read_sizes(sizes),
            self.limits,
            at=self._now,
            since=self._since,
            days={
                day: found
                for day, raw in zip(self._days, days, strict=True)
                if (found := read_sizes(raw))
            },
            minutes=[read_trend(at, raw) for at, raw in zip(self._minutes, minutes, strict=True)],
            findings=read_findings(findings),
        )


def _moment(raw: bytes | None) -> float | None:
    try:
        moment = float(raw or b"nan")
    except ValueError:
        return None
    return moment if math.isfinite(moment) and moment > 0 else None
