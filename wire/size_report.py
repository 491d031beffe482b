"""What the measured sizes say: an answer first, then figures by task.  Pure.

The page, the API, the terminal and the worker's own log all show this one report.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from wire import payloads, sketch
from wire.keys import TREND_TTLS
from wire.metrics import TrendPoint
from wire.payloads import DEFAULT_LIMITS, Finding, Largest, SizeLimits, Sizes, TaskSizes
from wire.sentences import Sentence
from wire.sizes import Recommendation, recommend

KINDS = (payloads.ARGS, payloads.KWARGS)
#: Seconds of a minute of the trend, and how many are compared before and after a change.
MINUTE, MINUTES_COMPARED = 60, 60
#: A change of longer ago has no minutes before it any more.
COMPARED_SECONDS = TREND_TTLS[MINUTE] - MINUTE * MINUTES_COMPARED


class Verdict(StrEnum):
    """Which answer the report begins with."""

    NOTHING_MEASURED = "nothing_measured"
    NOTHING_CUT = "nothing_cut"
    SET = "set"  #: something was cut, and a higher limit would have held it
    SETTLED = "settled"  #: something was cut, and the limits in force now hold the need


@dataclass(frozen=True, slots=True)
class Bar:
    """How many values lie in `low … high - 1`: each bar is twice as wide as the one before."""

    low: int
    high: int
    count: int


@dataclass(frozen=True, slots=True)
class Spread:
    """Figures of one measure; None: not measured."""

    n: int
    largest: int | None
    mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class KindReport:
    """Args or kwargs: payload as JSON, the repr that a limit cuts, and what to set."""

    kind: str
    chars: Spread  #: payload as compact JSON, characters
    payload_bytes: Spread  #: the same in UTF-8
    repr_chars: Spread  #: repr without a limit, of samples only
    cut: int
    limit: int  #: in force now
    advised: Recommendation
    bars: tuple[Bar, ...]  #: of `chars`
    longest: Largest | None  #: the task that brought the largest payload

    @property
    def held(self) -> bool:
        """Whether the limit in force is enough for what is needed."""
        return self.limit >= self.advised.need


@dataclass(frozen=True, slots=True)
class DaySizes:
    """One day (UTC, `2026-11-21`)."""

    day: str
    analysed: int
    largest_args: int
    largest_kwargs: int
    cut: int

    def largest(self, kind: str) -> int:
        """Characters of the largest args or kwargs."""
        return self.largest_args if kind == payloads.ARGS else self.largest_kwargs


@dataclass(frozen=True, slots=True)
class TaskReport:
    """One kind of task; "" for all together."""

    task: str
    analysed: int
    cut: int  #: tasks with args or kwargs cut at the limit in force when they were sent
    not_json: int
    args: KindReport
    kwargs: KindReport
    wire_bytes: Spread  #: of the message as it lies in Redis
    result_bytes: Spread
    days: tuple[DaySizes, ...]  #: oldest first

    @property
    def larger(self) -> KindReport:
        """Args or kwargs, whichever were larger."""
        return max(self.args, self.kwargs, key=lambda kind: kind.chars.largest or 0)

    @property
    def settled(self) -> bool:
        """Whether nothing of what was cut would be cut at the limits in force."""
        return all(kind.held or not kind.cut for kind in (self.args, self.kwargs))


@dataclass(frozen=True, slots=True)
class Proof:
    """How many were cut a minute, before and after the limits were set; None: not known."""

    before: float | None
    after: float | None
    minutes: tuple[tuple[int, int], ...]  #: (epoch seconds, cut in that minute), oldest first


@dataclass(frozen=True, slots=True)
class SizeReport:
    """Everything there is to say about sizes."""

    at: float
    since: float | None  #: of the last reset; None: there was none
    limits: SizeLimits | None  #: None: nobody has set any
    together: TaskReport
    tasks: tuple[TaskReport, ...]  #: those that were cut first, then the largest
    findings: tuple[Finding, ...]
    proof: Proof

    @property
    def in_force(self) -> SizeLimits:
        """The limits in force; Celery's own while nobody has set any."""
        return self.limits or DEFAULT_LIMITS

    @property
    def verdict(self) -> Verdict:
        """Which answer this is."""
        if not self.together.analysed:
            return Verdict.NOTHING_MEASURED
        if not self.together.cut:
            return Verdict.NOTHING_CUT
        return Verdict.SETTLED if self.together.settled else Verdict.SET

    @property
    def advised(self) -> tuple[int, int]:
        """Limits of args and kwargs to set; those in force where nothing was measured."""
        args, kwargs = self.together.args, self.together.kwargs
        return args.advised.limit or args.limit, kwargs.advised.limit or kwargs.limit

    @property
    def largest_task(self) -> TaskReport | None:
        """The kind of task with the largest args or kwargs."""
        measured = [task for task in self.tasks if task.analysed]
        return max(measured, key=lambda task: task.larger.chars.largest or 0, default=None)

    def answer(self) -> Sentence:
        """The report in one sentence."""
        args, kwargs = self.advised
        figures = {"cut": self.together.cut, "analysed": self.together.analysed, "args": args}
        match self.verdict:
            case Verdict.NOTHING_MEASURED:
                return Sentence("Nothing was measured yet.")
            case Verdict.NOTHING_CUT:
                return Sentence("Nothing is cut. No change needed.")
            case Verdict.SETTLED:
                return Sentence(
                    "No change needed: the limits in force hold the largest. Cut before: %(cut)s "
                    "of %(analysed)s.",
                    figures,
                )
            case Verdict.SET if args != kwargs:
                return Sentence(
                    "Set %(args)s for args and %(kwargs)s for kwargs. Cut so far: %(cut)s of "
                    "%(analysed)s.",
                    {**figures, "kwargs": kwargs},
                )
            case Verdict.SET if self.together.cut == 1:
                return Sentence("Set %(args)s: 1 of %(analysed)s was cut.", figures)
            case Verdict.SET:
                return Sentence("Set %(args)s: %(cut)s of %(analysed)s were cut.", figures)


def make_report(
    measured: Mapping[str, TaskSizes],
    limits: SizeLimits | None,
    *,
    at: float,
    since: float | None = None,
    days: Mapping[str, Mapping[str, TaskSizes]] | None = None,
    minutes: Sequence[TrendPoint] = (),
    findings: Sequence[Finding] = (),
) -> SizeReport:
    """The report of what `wire.payloads` and `wire.metrics` have read from Redis.

    `days`: day -> what was measured on it.  `minutes`: those that `minutes_wanted` names.
    """
    in_force = limits or DEFAULT_LIMITS
    by_day = days or {}
    tasks = [_task(sizes, in_force, by_day) for sizes in measured.values()]
    tasks.sort(key=lambda task: (-task.cut, -(task.larger.chars.largest or 0), task.task))
    total = payloads.total_sizes(measured)
    by_day_total = {day: {"": payloads.total_sizes(found)} for day, found in by_day.items()}
    return SizeReport(
        at=at,
        since=since,
        limits=limits,
        together=_task(total, in_force, by_day_total),
        tasks=tuple(tasks),
        findings=tuple(findings),
        proof=_proof(minutes, limits, at),
    )


def day_of(at: float) -> str:
    """The day (UTC) of a moment, such as `2026-11-21`."""
    return time.strftime("%Y-%m-%d", time.gmtime(at))


def minutes_wanted(now: float, limits: SizeLimits | None) -> list[int]:
    """Starts of the minutes that the proof compares: the last hour, and the one before a change."""
    this = int(now) // MINUTE
    wanted = set(range(this - MINUTES_COMPARED + 1, this + 1))
    if limits and now - limits.set_at < COMPARED_SECONDS:
        changed = int(limits.set_at) // MINUTE
        wanted |= set(range(changed - MINUTES_COMPARED, changed))
    return [minute * MINUTE for minute in sorted(wanted)]


def _task(
    sizes: TaskSizes, limits: SizeLimits, days: Mapping[str, Mapping[str, TaskSizes]]
) -> TaskReport:
    return TaskReport(
        task=sizes.task,
        analysed=sizes.analysed,
        cut=sizes.cut,
        not_json=sizes.not_json,
        args=_kind(sizes, payloads.ARGS, sizes.cut_args, limits.args),
        kwargs=_kind(sizes, payloads.KWARGS, sizes.cut_kwargs, limits.kwargs),
        wire_bytes=_spread(sizes[payloads.WIRE_BYTES]),
        result_bytes=_spread(sizes[payloads.RESULT_BYTES]),
        days=tuple(_day(day, found[sizes.task]) for day, found in sorted(days.items())
                   if sizes.task in found),
    )  # fmt: skip


def _kind(sizes: TaskSizes, kind: str, cut: int, limit: int) -> KindReport:
    chars, reprs = sizes[kind], sizes[f"{kind}_repr"]
    return KindReport(
        kind=kind,
        chars=_spread(chars),
        payload_bytes=_spread(sizes[f"{kind}_bytes"]),
        repr_chars=_spread(reprs),
        cut=cut,
        limit=limit,
        advised=recommend(
            chars.max, reprs.max, items=chars.largest.items if chars.largest else None
        ),
        bars=bars(chars.buckets),
        longest=chars.largest,
    )


def _spread(sizes: Sizes) -> Spread:
    if not sizes.n:
        return Spread(0, None, None, None, None, None)
    quantiles = (sizes.quantile(q) for q in (0.5, 0.95, 0.99))
    return Spread(sizes.n, sizes.max, sizes.mean, *quantiles)


def _day(day: str, sizes: TaskSizes) -> DaySizes:
    largest_args, largest_kwargs = (sizes[kind].max for kind in KINDS)
    return DaySizes(day, sizes.analysed, largest_args, largest_kwargs, sizes.cut)


def bars(buckets: Mapping[int, int]) -> tuple[Bar, ...]:
    """Buckets of a sketch as bars without gaps; a value may be 1 % beyond the bounds of its bar."""
    counts: dict[int, int] = {}
    for bucket, count in buckets.items():
        octave = int(math.log2(max(sketch.value_of(bucket), 1.0)))
        counts[octave] = counts.get(octave, 0) + count
    if not counts:
        return ()
    return tuple(
        Bar(2**octave, 2 ** (octave + 1), counts.get(octave, 0))
        for octave in range(min(counts), max(counts) + 1)
    )


def _proof(minutes: Sequence[TrendPoint], limits: SizeLimits | None, now: float) -> Proof:
    """The last hour, and rates of whole minutes on either side of the change."""
    cuts = {point.at: sum(point.cuts.values()) for point in minutes}
    hour = [at for at in sorted(cuts) if at > now - MINUTE * MINUTES_COMPARED]
    shown = tuple((at, cuts[at]) for at in hour)
    if not (limits and limits.set_at):
        return Proof(None, None, shown)
    changed = int(limits.set_at) // MINUTE * MINUTE
    begun = changed - MINUTE * MINUTES_COMPARED
    known = now - limits.set_at < COMPARED_SECONDS
    before = [cuts[at] for at in cuts if begun <= at < changed] if known else []
    after = [cuts[at] for at in hour if changed < at < int(now) // MINUTE * MINUTE]
    return Proof(_mean(before), _mean(after), shown)


def _mean(numbers: Sequence[int]) -> float | None:
    return sum(numbers) / len(numbers) if numbers else None
