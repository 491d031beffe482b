"""What is counted comes back as it was counted, whatever the names and numbers."""

from __future__ import annotations

import math
from fractions import Fraction
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wire import fields, sketch
from wire.domain import read_domain, series_labels
from wire.fields import LABEL_CHARS, field, read_counters, split_field
from wire.metrics import (
    BOUND_LABELS,
    BOUNDS,
    Histogram,
    bucket_label,
    read_host,
    read_totals,
    read_trend,
    starts,
)
from wire.payloads import DEFAULT_LIMITS, read_findings, read_limits, read_sizes, total_sizes
from wire.producer import HEADER, Stamp, read_stamp, stamp
from wire.tasks import FAILURE, PENDING, RETRY, STARTED, TaskRecord, read_record

DOCUMENTED = (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)
labels = st.text(st.characters(exclude_categories=["Cs"]), max_size=LABEL_CHARS)


def raw(counted: dict[str, object]) -> dict[bytes, bytes]:
    return {key.encode(): str(value).encode() for key, value in counted.items()}


@given(st.lists(labels, max_size=4))
def test_a_field_comes_back_whole(names: list[str]) -> None:
    assert split_field(field("task", *names)) == ("task", tuple(names))


def test_a_field_is_one_line_and_bounded() -> None:
    text = field("task", "a|b\n\x00%", "x" * 1000, "\ud800")
    assert text == "task|a%7Cb%0A%00%25|" + "x" * LABEL_CHARS + "|?"


@given(st.dictionaries(st.tuples(labels, labels), st.integers(0, 2**63 - 1), max_size=9))
def test_counters_come_back_whole(counted: dict[tuple[str, str], int]) -> None:
    found = read_counters(raw({field("task", *names): n for names, n in counted.items()}))
    assert dict(found.get("task", {})) == counted


@pytest.mark.parametrize("value", ["-1", "1e9", "nan", "", "9" * 30, "0x1", str(2**63), "²"])
def test_what_is_no_count_is_left_out(value: str) -> None:
    assert not read_counters({b"task|a|success": value.encode()})
    assert read_totals({b"task|a|success": value.encode(), b"\xff": b"1"}).tasks == {}


def test_all_buckets_of_the_document_are_there() -> None:
    assert set(DOCUMENTED) <= set(BOUNDS)
    assert BOUNDS[0] == 0.005
    assert list(BOUNDS) == sorted(BOUNDS)
    assert BOUND_LABELS[-1] == "+Inf"


@given(st.floats(0, 1e6))
def test_a_time_lies_in_the_bucket_that_holds_it(seconds: float) -> None:
    index = BOUND_LABELS.index(bucket_label(seconds))
    assert seconds <= (*BOUNDS, math.inf)[index]
    assert index == 0 or seconds > BOUNDS[index - 1]


@given(st.lists(st.floats(0, 7200), min_size=1), st.floats(0, 1))
def test_a_quantile_lies_in_its_bucket(times: list[float], q: float) -> None:
    counts = [0] * len(BOUND_LABELS)
    for seconds in times:
        counts[BOUND_LABELS.index(bucket_label(seconds))] += 1
    found = Histogram(tuple(counts), sum(times)).quantile(q)
    exact = sorted(times)[max(0, math.ceil(q * len(times)) - 1)]
    assert found is not None
    bounds = (0.0, *BOUNDS)
    index = BOUND_LABELS.index(bucket_label(exact))
    assert bounds[index] - 1e-9 <= found <= bounds[index + 1] + 1e-9


def test_nothing_measured_has_no_quantile() -> None:
    assert Histogram().quantile(0.5) is None
    assert Histogram().mean is None
    assert sketch.quantile({}, 0.5) is None


@given(st.lists(st.integers(0, 10**9), min_size=1), st.sampled_from([0.0, 0.5, 0.95, 0.99, 1.0]))
def test_a_size_is_right_within_one_percent(sizes: list[int], q: float) -> None:
    buckets: dict[int, int] = {}
    for size in sizes:
        buckets[sketch.bucket_of(size)] = buckets.get(sketch.bucket_of(size), 0) + 1
    found = sketch.quantile(buckets, q)
    exact = sorted(sizes)[max(math.ceil(Fraction(str(q)) * len(sizes)), 1) - 1]
    assert found == pytest.approx(exact, rel=sketch.ACCURACY + 1e-6)


def test_totals_are_read_by_their_labels() -> None:
    totals = read_totals(raw({
        "task|scan.discovery|success": 3,
        "retry|scan.discovery|ConnectionError": 2,
        "failure|scan.discovery|ValueError": 1,
        "duration|scan.discovery|success|0.1": 2,
        "duration|scan.discovery|success|+Inf": 1,
        "duration_us|scan.discovery|success": 1_500_000,
        "duration|scan.discovery|success|0.123": 9,
        "wait|scan.discovery|scan|5": 1,
        "recorder|flushes": 7,
    }))  # fmt: skip
    took = totals.durations["scan.discovery", "success"]
    assert totals.tasks == {("scan.discovery", "success"): 3}
    assert totals.retries == {("scan.discovery", "ConnectionError"): 2}
    assert totals.failures == {("scan.discovery", "ValueError"): 1}
    assert (took.count, took.sum_seconds, took.mean) == (3, 1.5, 0.5)
    assert totals.waits["scan.discovery", "scan"].count == 1
    assert totals.recorder == {"flushes": 7}


def test_a_host_is_read_by_its_labels() -> None:
    host = read_host(raw({"task|a|q|received": 1, "failure|a|q|E": 2, "runtime|a|q|1": 3}))
    assert host.tasks == {("a", "q", "received"): 1}
    assert host.failures == {("a", "q", "E"): 2}
    assert host.runtimes["a", "q"].count == 3


def test_a_trend_is_read_by_its_labels() -> None:
    point = read_trend(60, raw({
        "task|a|success": 4, "duration|*|1": 4, "wait|q|0.5": 2, "cut|a|args": 1,
        "depth|q|n": 2, "depth|q|sum": 10, "depth|q|max": 9, "rss|w@h|n": 1, "rss|w@h|sum": 5,
    }))  # fmt: skip
    assert point.tasks == {("a", "success"): 4}
    assert point.durations["*"].count == 4
    assert point.cuts == {("a", "args"): 1}
    assert (point.depth["q"].mean, point.depth["q"].max) == (5, 9)
    assert point.rss_bytes["w@h"].mean == 5
    assert read_trend(0, {}).tasks == {}


def test_spans_begin_at_whole_spans() -> None:
    assert list(starts(60, 185.0, 3)) == [60, 120, 180]


def test_sizes_are_read_and_added() -> None:
    who = '{"task_id":"x1","queue":"extract","worker":"w@h","at":5.0}'
    tasks = read_sizes(raw({
        "n|a|args": 2, "sum|a|args": 30, "max|a|args": 20, "who|a|args": who,
        f"b|a|args|{sketch.bucket_of(10)}": 1, f"b|a|args|{sketch.bucket_of(20)}": 1,
        "n|b|args": 1, "sum|b|args": 0, "max|b|args": 0, f"b|b|args|{sketch.ZERO}": 1,
        "cut|a|args": 1, "cut|a|any": 1, "not_json|b": 1, "n|a|nonsense": 4,
    }))  # fmt: skip
    args = tasks["a"]["args"]
    assert (args.n, args.mean, args.max) == (2, 15, 20)
    assert args.largest is not None
    assert (args.largest.task_id, args.largest.queue) == ("x1", "extract")
    assert args.quantile(1.0) == pytest.approx(20, rel=0.01)
    assert tasks["b"]["args"].quantile(0.5) == 0
    assert (tasks["a"].cut, tasks["b"].not_json, tasks["a"].analysed) == (1, 1, 2)
    together = total_sizes(tasks)
    assert (together.analysed, together.cut_args, together["args"].max) == (3, 1, 20)
    assert together["args"].largest == args.largest


def test_findings_are_read_latest_first() -> None:
    def last(at: float, kind: str) -> str:
        return f'{{"task":"a","kind":"not_json","type":"{kind}","at":{at},"times":0}}'

    found = read_findings(raw({
        "last|a|not_json|bytes": last(1.0, "bytes"), "times|a|not_json|bytes": 4,
        "last|a|not_json|set": last(2.0, "set"), "last|b|not_json|set": last(3.0, "set"),
    }))  # fmt: skip
    assert [(finding.type, finding.times) for finding in found] == [("set", 1), ("bytes", 4)]


@pytest.mark.parametrize("text", [None, b"", b"{}", b'{"args":0,"kwargs":5}', b'{"args":"1"}'])
def test_damaged_limits_are_none(text: bytes | None) -> None:
    assert read_limits(text) is None


def test_limits_come_back() -> None:
    limits = read_limits(b'{"args":131072,"kwargs":1024,"set_by":"page"}')
    assert limits
    assert (limits.args, limits.kwargs, limits.set_by) == (131072, 1024, "page")
    assert DEFAULT_LIMITS.args == 1024


@pytest.mark.parametrize(
    "value", [None, 5, "x", [], [1], [0, 1, 2], [1.5, "a", 2], [1e300, 1, 2], [1, 2, 3, 4]]
)
def test_a_damaged_stamp_says_nothing(value: object) -> None:
    assert read_stamp({HEADER: value}) == Stamp(None, 1024, 1024)


def test_a_stamp_says_whether_the_task_was_told() -> None:
    amqp = SimpleNamespace(argsrepr_maxsize=10, kwargsrepr_maxsize=20)
    for told in (True, False):
        headers: dict[str, object] = {}
        stamp(headers, amqp, told=told)
        found = read_stamp(headers)
        assert (found.args_limit, found.kwargs_limit, found.told) == (10, 20, told)


def test_a_later_record_of_a_task_is_right() -> None:
    def order(state: str, retries: int) -> int:
        return TaskRecord("1", "a", state, retries=retries).order

    steps = [(PENDING, 0), (STARTED, 0), (RETRY, 0), (PENDING, 1), (STARTED, 1), (FAILURE, 1)]
    assert [order(*step) for step in steps] == sorted({order(*step) for step in steps})
    assert read_record(b"3 {}") is None
    assert read_record(b'3 {"id":"1","name":"a","state":"SUCCESS"}') == TaskRecord(
        "1", "a", "SUCCESS"
    )


def test_domain_metrics_come_back() -> None:
    series = series_labels("training_total", {"status": "success", "model_type": "s,v=m"})
    found = read_domain(raw({
        field("count", *series): 3, "gauge|tuning_best_score|method=grid": "0.75",
        "gauge|tuning_best_score|method=bad": "nan", "seconds|x||5": 1, "seconds_us|x|": 4_000_000,
    }))  # fmt: skip
    key = ("training_total", (("model_type", "s;v:m"), ("status", "success")))
    assert found.counts == {key: 3}
    assert found.gauges == {("tuning_best_score", (("method", "grid"),)): 0.75}
    assert found.times["x", ()].sum_seconds == 4


def test_other_is_a_label() -> None:
    assert split_field(field("task", fields.OTHER, "success")) == ("task", ("other", "success"))


@given(
    st.dictionaries(
        st.one_of(st.binary(max_size=30), st.from_regex(rb"[a-z_]{1,9}(\|[a-z0-9*-]{0,5}){0,4}")),
        st.one_of(st.binary(max_size=30), st.from_regex(rb"\d{1,25}", fullmatch=True)),
    )
)
@example({b"b": b"1", b"n": b"1", b"times": b"1", b"cut": b"1"})
def test_no_forged_hash_raises(forged: dict[bytes, bytes]) -> None:
    read_totals(forged)
    read_host(forged)
    read_trend(0, forged)
    total_sizes(read_sizes(forged))
    read_findings(forged)
    read_domain(forged)
    for value in forged.values():
        read_record(value)
        read_limits(value)
