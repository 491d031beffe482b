"""Trends: what the roll-ups of minutes, hours and days say, as lines to be drawn.

Reading is one round trip; the rest is pure.  A point where nothing is known is a gap, not 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from redis.asyncio import Redis

from wire.keys import Keys
from wire.metrics import (
    ALL,
    FAILURE,
    RETRY,
    SUCCESS,
    TIMEOUT,
    Histogram,
    Sample,
    TrendPoint,
    read_trend,
    starts,
)

#: Lines of one chart: the largest; a chart with more cannot be read.
LINES_MAX = 5
#: Units of the drawings' own coordinates.
WIDTH, HEIGHT = 300.0, 60.0


class Span(StrEnum):
    """How much one point holds."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"

    @property
    def seconds(self) -> int:
        """Seconds of one point."""
        return {Span.MINUTE: 60, Span.HOUR: 3600, Span.DAY: 86_400}[self]

    @property
    def points(self) -> int:
        """Points of one chart: an hour, a week, a quarter of a year."""
        return {Span.MINUTE: 60, Span.HOUR: 7 * 24, Span.DAY: 90}[self]


@dataclass(frozen=True, slots=True)
class Line:
    """One line: a value for each point, None where nothing is known."""

    name: str  #: a key of the page's words, or the name of a queue or worker
    values: tuple[float | None, ...]

    @property
    def known(self) -> tuple[float, ...]:
        """The values that are known."""
        return tuple(value for value in self.values if value is not None)

    @property
    def latest(self) -> float | None:
        """The last value that is known."""
        return self.known[-1] if self.known else None

    @property
    def mean(self) -> float | None:
        """None when nothing is known."""
        return sum(self.known) / len(self.known) if self.known else None

    @property
    def peak(self) -> float | None:
        """The largest."""
        return max(self.known, default=None)


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines of one unit: `/min`, `s`, `B`, `%`, or "" for plain numbers."""

    key: str
    unit: str
    lines: tuple[Line, ...]
    is_open: bool = False  #: the lines are names of queues or workers, not words of the page

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(line.known for line in self.lines)

    @property
    def top(self) -> float:
        """The largest value of all lines; never 0."""
        return max((line.peak or 0.0 for line in self.lines), default=0.0) or 1.0

    def points(self, line: Line) -> tuple[str, ...]:
        """What a line's polylines go through: one for each part without a gap."""
        step = WIDTH / max(len(line.values) - 1, 1)
        parts: list[list[str]] = [[]]
        for index, value in enumerate(line.values):
            if value is None:
                parts.append([])
            else:
                y = HEIGHT - 1 - (HEIGHT - 2) * max(value, 0.0) / self.top
                parts[-1].append(f"{index * step:.1f},{y:.1f}")
        # A point alone would not be seen: a short stroke is.
        return tuple(" ".join(part if len(part) > 1 else _dash(part[0])) for part in parts if part)


class Trends:
    """The roll-ups of one Redis."""

    def __init__(self, client: Redis, keys: Keys) -> None:
        self._client, self._keys = client, keys

    async def read(self, span: Span, now: float) -> tuple[TrendPoint, ...]:
        """The last points of `span`, oldest first.  Raises what redis-py raises."""
        moments = starts(span.seconds, now, span.points)
        async with self._client.pipeline(transaction=False) as pipe:
            for at in moments:
                pipe.hgetall(self._keys.metrics_trend(span.seconds, at))
            answers = await pipe.execute(raise_on_error=False)
        for answer in answers:
            # Something else under one of the keys is a gap; Redis being away is not.
            if isinstance(answer, Exception) and "WRONGTYPE" not in str(answer):
                raise answer
        return tuple(
            read_trend(at, answer if isinstance(answer, dict) else {})
            for at, answer in zip(moments, answers, strict=True)
        )


def charts(points: Sequence[TrendPoint], span: Span, now: float) -> tuple[Chart, ...]:
    """Everything that is drawn, always in the same order."""

    def of(value: Callable[[TrendPoint], float | None]) -> tuple[float | None, ...]:
        return tuple(value(point) for point in points)

    def ended(*statuses: str) -> tuple[float | None, ...]:
        return of(lambda point: _a_minute(point, statuses, span, now))

    return (
        Chart("throughput", "/min", (Line("success", ended(SUCCESS)),)),
        Chart(
            "failures",
            "/min",
            tuple(
                Line(name, ended(status))
                for name, status in (("failure", FAILURE), ("retry", RETRY), ("timeout", TIMEOUT))
            ),
        ),
        Chart("duration", "s", _quantiles(points, lambda point: point.durations)),
        Chart("wait", "s", _quantiles(points, lambda point: point.waits)),
        Chart("depth", "", _samples(points, lambda point: point.depth, 1.0), is_open=True),
        Chart("memory", "B", _samples(points, lambda point: point.rss_bytes, 1.0), is_open=True),
        Chart("cpu", "%", _samples(points, lambda point: point.cpu_permille, 10.0), is_open=True),
    )


def _a_minute(point: TrendPoint, statuses: Iterable[str], span: Span, now: float) -> float | None:
    """How many tasks a minute ended so; None where nobody measured anything."""
    if not (point.tasks or point.depth or point.rss_bytes):
        return None
    count = sum(n for (_, status), n in point.tasks.items() if status in statuses)
    # The last point is not over yet, and says nothing when it has only begun.
    seconds = min(now - point.at, span.seconds)
    return count * 60 / seconds if seconds >= span.seconds / 6 else None


def _quantiles(
    points: Sequence[TrendPoint], part: Callable[[TrendPoint], Mapping[str, Histogram]]
) -> tuple[Line, ...]:
    together = [_sum(part(point)) for point in points]
    return tuple(
        Line(name, tuple(None if h is None else h.quantile(q) for h in together))
        for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    )


def _sum(histograms: Mapping[str, Histogram]) -> Histogram | None:
    """All of them together; None when nothing was taken."""
    if ALL in histograms:
        return histograms[ALL]
    found = list(histograms.values())
    return sum(found[1:], found[0]) if found else None


def _samples(
    points: Sequence[TrendPoint], part: Callable[[TrendPoint], Mapping[str, Sample]], unit: float
) -> tuple[Line, ...]:
    """A line for each name, the highest first; a point is the worst of its time."""
    names = {name for point in points for name in part(point)}
    lines = (
        Line(
            name,
            tuple(
                part(point)[name].max / unit if name in part(point) else None for point in points
            ),
        )
        for name in sorted(names)
    )
    return tuple(sorted(lines, key=lambda line: -(line.peak or 0.0))[:LINES_MAX])


def _dash(point: str) -> list[str]:
    x, _, y = point.partition(",")
    return [f"{float(x) - 1:.1f},{y}", f"{float(x) + 1:.1f},{y}"]
