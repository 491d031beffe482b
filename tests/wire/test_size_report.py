"""The report of sizes: the answer first, then figures that are Python's own."""

from __future__ import annotations

import statistics
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.measured import SEED, SEED_ARGS, fields_of, sizes_of
from wire.events import dump
from wire.fields import field
from wire.metrics import TrendPoint
from wire.payloads import Largest, SizeLimits, TaskSizes
from wire.size_report import SizeReport, Verdict, bars, make_report, minutes_wanted
from wire.sketch import bucket_of

NOW = 1_795_000_030.0
MINUTE = int(NOW) // 60 * 60


def report(*tasks: dict[str, str], limits: SizeLimits | None = None) -> SizeReport:
    return make_report(sizes_of(*tasks), limits, at=NOW)


def test_figures_of_the_seed() -> None:
    found = report(SEED)
    assert found.verdict is Verdict.SET
    assert found.answer().told() == "Set 131,072: 2 of 15 were cut."
    args, kwargs = found.together.args, found.together.kwargs
    assert (args.chars.largest, args.chars.mean) == (45_678, 23_456)
    assert (kwargs.chars.largest, kwargs.chars.mean) == (12_345, 5_678)
    assert (args.advised.need, args.advised.limit) == (54_813, 131_072)
    assert found.advised == (131_072, 131_072)
    assert found.largest_task is not None
    assert found.largest_task.task == "extract_metadata_batch"
    assert found.largest_task.larger.kind == "args"
    assert args.longest is not None
    assert args.longest.queue == "extract"


def test_quantiles_are_within_one_percent() -> None:
    values = [n * n for n in range(1, 400)]
    spread = report(fields_of("t", {"args": values})).together.args.chars
    for found, percent in ((spread.p50, 50), (spread.p95, 95), (spread.p99, 99)):
        exact = statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
        assert found == pytest.approx(exact, rel=0.02)


@pytest.mark.parametrize(
    ("n", "p50", "p95", "p99"), [(1, 1, 1, 1), (2, 1, 2, 2), (15, 8, 15, 15), (100, 50, 95, 99)]
)
def test_quantiles_are_of_the_nearest_rank(n: int, p50: int, p95: int, p99: int) -> None:
    values = [1000 * rank for rank in range(1, n + 1)]
    spread = report(fields_of("t", {"args": values})).together.args.chars
    for found, rank in ((spread.p50, p50), (spread.p95, p95), (spread.p99, p99)):
        assert found == pytest.approx(1000 * rank, rel=0 if rank == n else 0.01)


def test_nothing_measured_is_the_answer() -> None:
    found = report()
    assert found.verdict is Verdict.NOTHING_MEASURED
    assert found.answer().told() == "Nothing was measured yet."
    assert found.advised == (1024, 1024)
    assert found.largest_task is None


def test_nothing_cut_needs_no_change() -> None:
    found = report(fields_of("t", {"args": [500] * 3, "kwargs": [2] * 3}))
    assert found.verdict is Verdict.NOTHING_CUT
    assert found.answer().told() == "Nothing is cut. No change needed."


def test_limit_that_holds_the_largest_settles_it() -> None:
    found = report(SEED, limits=SizeLimits(131_072, 1024, "page", NOW))
    assert found.verdict is Verdict.SETTLED
    assert found.answer().told() == (
        "No change needed: the limits in force hold the largest. Cut before: 2 of 15."
    )


@pytest.mark.parametrize(("limit", "verdict"), [(54_812, Verdict.SET), (54_813, Verdict.SETTLED)])
def test_need_settles_it_not_the_table(limit: int, verdict: Verdict) -> None:
    assert report(SEED, limits=SizeLimits(limit, 1024, "page", NOW)).verdict is verdict


def test_one_cut_task_is_singular() -> None:
    found = report(fields_of("t", {"args": [5_000], "kwargs": [2]}, args=1, any=1))
    assert found.answer().told() == "Set 131,072: 1 of 1 was cut."


def test_args_and_kwargs_have_answers_of_their_own() -> None:
    large = fields_of("t", {"args": [5_000], "kwargs": [300_000]}, kwargs=1, any=1)
    assert report(large).answer().told() == (
        "Set 131,072 for args and 524,288 for kwargs. Cut so far: 1 of 1."
    )


def test_longer_repr_of_a_sample_counts() -> None:
    found = report(fields_of("t", {"args": [100_000], "args_repr": [120_000]}))
    assert found.together.args.advised.limit == 524_288
    assert found.together.args.repr_chars.largest == 120_000


def test_batch_that_fits_is_known_from_the_largest() -> None:
    who = dump(Largest("id", "extract", items=500))
    large = fields_of("t", {"args": [300_000], "kwargs": [2]}) | {field("who", "t", "args"): who}
    assert report(large).together.args.advised.batch_items == 109


def test_worst_tasks_come_first() -> None:
    found = report(
        fields_of("small", {"args": [10], "kwargs": [2]}),
        fields_of("large", {"args": [9_000], "kwargs": [2]}),
        fields_of("cut", {"args": [2_000], "kwargs": [2]}, args=1, any=1),
        fields_of("kwargs", {"args": [2], "kwargs": [9_999]}),
    )
    assert [task.task for task in found.tasks] == ["cut", "kwargs", "large", "small"]
    assert found.together.analysed == 4


@given(st.lists(st.integers(1, 10**9), max_size=200))
def test_bars_hold_every_value_without_gaps(values: list[int]) -> None:
    buckets: dict[int, int] = {}
    for value in values:
        buckets[bucket_of(value)] = buckets.get(bucket_of(value), 0) + 1
    drawn = bars(buckets)
    assert sum(bar.count for bar in drawn) == len(values)
    assert all(bar.high == 2 * bar.low for bar in drawn)
    assert all(a.high == b.low for a, b in pairwise(drawn))
    if values:
        assert drawn[-1].low * 0.98 <= max(values)
        assert drawn[-1].high * 1.02 >= max(values)


def test_days_tell_the_trend() -> None:
    monday = sizes_of(fields_of("t", {"args": [10, 20], "kwargs": [2, 2]}))
    tuesday = sizes_of(fields_of("t", {"args": [5_000], "kwargs": [2]}, args=1, any=1))
    both = {"2026-11-17": tuesday, "2026-11-16": monday}
    found = make_report(tuesday, None, at=NOW, days=both)
    for rows in (found.together.days, found.tasks[0].days):
        assert [(d.day, d.analysed, d.largest_args, d.cut) for d in rows] == [
            ("2026-11-16", 2, 20, 0),
            ("2026-11-17", 1, 5_000, 1),
        ]


def minutes(limits: SizeLimits | None, cuts: dict[int, int]) -> list[TrendPoint]:
    return [
        TrendPoint(at, cuts={("t", "args"): cuts[at]} if at in cuts else {})
        for at in minutes_wanted(NOW, limits)
    ]


def test_proof_compares_the_hours_around_a_change() -> None:
    limits = SizeLimits(131_072, 131_072, "page", set_at=MINUTE - 10 * 60 + 20)
    cuts = {MINUTE - 20 * 60: 30, MINUTE - 69 * 60: 90, MINUTE - 10 * 60: 7, MINUTE: 4}
    points = minutes(limits, cuts)
    proof = make_report({}, limits, at=NOW, minutes=points).proof
    assert proof.before == 2.0  # 120 in 60 minutes; the minute of the change is neither
    assert proof.after == 0.0
    assert [at for at, _ in proof.minutes] == list(range(MINUTE - 59 * 60, MINUTE + 1, 60))
    assert sum(count for _, count in proof.minutes) == 41


def test_old_or_no_change_has_no_proof() -> None:
    old = SizeLimits(131_072, 131_072, "page", set_at=NOW - 40 * 3600)
    proof = make_report({}, old, at=NOW, minutes=minutes(old, {MINUTE - 120: 59})).proof
    assert (proof.before, proof.after) == (None, 1.0)
    assert make_report({}, None, at=NOW, minutes=minutes(None, {})).proof.after is None
    assert len(minutes_wanted(NOW, None)) == len(minutes_wanted(NOW, old)) == 60


def test_change_of_this_minute_is_not_proved_yet() -> None:
    limits = SizeLimits(131_072, 131_072, "page", set_at=NOW - 5)
    proof = make_report({}, limits, at=NOW, minutes=minutes(limits, {MINUTE - 60: 60})).proof
    assert (proof.before, proof.after) == (1.0, None)


def test_all_together_is_named_nothing() -> None:
    assert report(SEED).together.task == TaskSizes("").task
    assert max(SEED_ARGS) == report(SEED).together.args.chars.largest
