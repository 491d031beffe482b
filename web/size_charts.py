"""Geometry of the drawings on the page of sizes: numbers for SVG attributes.  Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from wire.size_report import DaySizes, KindReport, Proof, SizeReport, TaskReport

#: Units of the drawings' own coordinates.
HISTOGRAM_WIDTH, HISTOGRAM_HEIGHT = 160, 36
TREND_WIDTH, TREND_HEIGHT = 60, 20
MINUTES_HEIGHT = 20
#: What is there is seen, however few it is.
LEAST_HEIGHT = 1.5


@dataclass(frozen=True, slots=True)
class Box:
    """A bar; `beyond` the limit, or not."""

    x: float
    y: float
    width: float
    height: float
    beyond: bool = False


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bars over a logarithmic scale that all tasks share, and where the limit lies on it."""

    boxes: tuple[Box, ...]
    limit_x: float


def scale_of(report: SizeReport) -> int:
    """How many doublings of 1 the scale of all histograms has."""
    kinds = [kind for task in report.tasks for kind in (task.args, task.kwargs)]
    largest = max((bar.high for kind in kinds for bar in kind.bars), default=2)
    limit = max(report.in_force.args, report.in_force.kwargs)
    return max(math.ceil(math.log2(max(largest, limit))), 1) + 1


def histogram(kind: KindReport, scale: int) -> Histogram:
    """The sizes of one kind of arguments against its limit."""
    step = HISTOGRAM_WIDTH / scale
    most = max((bar.count for bar in kind.bars), default=1)
    return Histogram(
        boxes=tuple(
            _box(round(math.log2(bar.low)) * step, step * 0.86, bar.count / most,
                 HISTOGRAM_HEIGHT, beyond=bar.low >= kind.limit)
            for bar in kind.bars if bar.count
        ),
        limit_x=min(math.log2(max(kind.limit, 1)) * step, float(HISTOGRAM_WIDTH)),
    )  # fmt: skip


def trend(task: TaskReport) -> str:
    """The largest arguments of each day, as the points of a line; "" for less than two days."""
    values = [largest_of(day) for day in task.days]
    if len(values) < 2:
        return ""
    top, step = max(*values, 1), TREND_WIDTH / (len(values) - 1)
    return " ".join(
        f"{index * step:.1f},{TREND_HEIGHT - 1 - (TREND_HEIGHT - 2) * value / top:.1f}"
        for index, value in enumerate(values)
    )


def largest_of(day: DaySizes) -> int:
    """The largest arguments of a day, args or kwargs."""
    return max(day.largest_args, day.largest_kwargs)


def minutes(proof: Proof) -> tuple[Box, ...]:
    """A bar for each minute of the last hour in which something was cut."""
    most = max((cut for _, cut in proof.minutes), default=0)
    return tuple(
        _box(float(index), 0.8, cut / most, MINUTES_HEIGHT, beyond=True)
        for index, (_, cut) in enumerate(proof.minutes)
        if cut
    )


def change_x(points: Sequence[tuple[int, int]], set_at: float) -> float | None:
    """Where a change lies among the minutes, None when it was before them."""
    if not points or set_at < points[0][0]:
        return None
    return min((set_at - points[0][0]) / 60, float(len(points)))


def _box(x: float, width: float, share: float, height: int, *, beyond: bool) -> Box:
    tall = max(share * height, LEAST_HEIGHT)
    return Box(round(x, 2), round(height - tall, 2), round(width, 2), round(tall, 2), beyond)
