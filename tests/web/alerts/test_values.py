"""What is measured, from facts as the wire gives them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.web.records import AT, beat, scan
from web.alerts.facts import Facts
from web.alerts.measures import MEASURES
from web.alerts.values import values
from web.metrics.measured import Measured, QueueMeasures
from web.state import State, WorkerView
from wire.metrics import (
    ALL,
    BOUNDS,
    FAILURE,
    RETRY,
    SUCCESS,
    TIMEOUT,
    Histogram,
    Sample,
    TrendPoint,
)
from wire.payloads import (
    ARGS,
    CUT_PARSED_BACK,
    KWARGS,
    NESTED,
    NOT_JSON,
    REFUSED,
    WIRE_BYTES,
    Finding,
    Sizes,
    TaskSizes,
)

TASK = "metadata.extract_batch"


def facts(minutes: tuple[TrendPoint, ...] = (), **changes: Any) -> Facts:
    state = State(version=1, at=AT, redis_ok=True, **changes.pop("state", {}))
    measured = Measured(AT, **changes.pop("measured", {}))
    return replace(Facts(AT, state, minutes, measured=measured), **changes)


def times(seconds: float, count: int) -> Histogram:
    index = next(i for i, bound in enumerate(BOUNDS) if seconds <= bound)
    counts = [0] * (len(BOUNDS) + 1)
    counts[index] = count
    return Histogram(tuple(counts), seconds * count)


def test_nothing_is_known_while_redis_is_away() -> None:
    assert values(replace(facts(), state=State(version=1, at=AT))) == {}


def test_every_value_is_a_known_measure() -> None:
    assert set(values(facts())) <= set(MEASURES)


def test_workers_are_counted_by_their_beats() -> None:
    awake = beat("a@pi", processes_max=2, busy=1, cpu_percent=150.0, cores=4, rss_bytes=25,
                 memory_total_bytes=100, started_at=AT - 60, at=AT)  # fmt: skip
    silent = beat("b@pi", at=AT - 90)
    found = values(facts(state={"workers": (WorkerView(awake), WorkerView(silent, silent=True))}))
    assert found["workers_active"] == {"": 1}
    assert found["worker_silent_seconds"] == {"a@pi": 0, "b@pi": 90}
    assert found["worker_cpu_percent"] == {"a@pi": 75}
    assert found["worker_memory_percent"] == {"a@pi": 25}
    assert found["worker_uptime_seconds"] == {"a@pi": 60}
    assert found["worker_stuck_seconds"] == {"a@pi": 0}


@pytest.mark.parametrize(
    ("done_at", "busy", "stuck"), [(None, 2, 900.0), (AT - 30, 2, 30.0), (None, 1, 0.0)]
)
def test_worker_without_a_free_process_is_stuck_since_its_last_end(
    done_at: float | None, busy: int, stuck: float
) -> None:
    worker = beat(at=AT, processes_max=2, busy=busy, oldest_running_at=AT - 900, done_at=done_at)
    found = values(facts(state={"workers": (WorkerView(worker),)}))
    assert found["worker_stuck_seconds"] == {"needle@here": stuck}


def test_queue_that_nobody_takes_from_is_told() -> None:
    queues = (
        QueueMeasures("scan", 3, oldest_seconds=90.0),
        QueueMeasures("foreign", 7),
        QueueMeasures("vector"),
    )
    taking = WorkerView(beat(queues=("scan",)))
    found = values(facts(state={"workers": (taking,)}, measured={"queues": queues}))
    assert found["queue_depth"] == {"scan": 3, "foreign": 7}
    assert found["queue_unconsumed"] == {"scan": 0, "foreign": 7}
    assert found["queue_oldest_seconds"] == {"scan": 90}


def test_queue_grows_by_what_two_minutes_differ() -> None:
    minutes = tuple(
        TrendPoint(at, depth={"scan": Sample(1, depth, depth)})
        for at, depth in ((0, 100), (60, 160), (120, 1360))
    )
    assert values(facts(minutes))["queue_growth"] == {"scan": 20}
    assert values(facts(minutes[:1]))["queue_growth"] == {}


def test_shares_are_those_of_all_minutes() -> None:
    counts = {(TASK, SUCCESS): 45, ("x", SUCCESS): 35, (TASK, FAILURE): 20, (TASK, RETRY): 25,
              (TASK, TIMEOUT): 5}  # fmt: skip
    half = {pair: n // 5 for pair, n in counts.items()}
    found = values(facts(tuple(TrendPoint(60 * n, tasks=half) for n in range(5))))
    assert found["success_percent"] == {"": 80}
    assert found["failure_percent"] == {"": 20}
    assert found["retry_percent"] == {"": 20}
    assert found["timeout_percent"] == {"": 5}
    assert found["failures_per_minute"] == {TASK: 4}
    assert found["timeouts_per_second"][TASK] == pytest.approx(5 / 300)


def test_few_tasks_say_nothing_of_a_share() -> None:
    point = TrendPoint(0, tasks={(TASK, FAILURE): 4}, durations={ALL: times(5, 4)})
    found = values(facts((point,)))
    assert found["failure_percent"] == {}
    assert found["duration_p95_seconds"] == {}


def test_quantiles_are_taken_over_all_minutes() -> None:
    points = tuple(
        TrendPoint(0, durations={ALL: times(600, n)}, waits={"scan": times(60, n)}) for n in (3, 9)
    )
    found = values(facts(points))
    assert 300 < found["duration_p95_seconds"][""] <= 600
    assert 30 < found["wait_p95_seconds"]["scan"] <= 60


def test_growth_is_measured_from_a_size_that_matters() -> None:
    def sizes(args: int, kwargs: int) -> dict[str, TaskSizes]:
        found = {ARGS: Sizes(1, args, args), KWARGS: Sizes(1, kwargs, kwargs)}
        return {TASK: TaskSizes(TASK, found | {WIRE_BYTES: Sizes(1, 9, 9)})}

    today = sizes(5000, 10_000)
    assert values(facts(today=today))["size_growth"] == {}
    assert values(facts(today=today, before=sizes(2500, 10)))["size_growth"] == {TASK: 2}
    assert values(facts(today=today))["message_bytes"] == {TASK: 9}


def test_only_fresh_findings_that_are_no_json_count() -> None:
    findings = (
        Finding(TASK, NOT_JSON, "bytes", at=AT - 10),
        Finding("old", NOT_JSON, "set", at=AT - 4000),
        Finding("deep", NESTED, at=AT),
        Finding("parsed", CUT_PARSED_BACK, "ellipsis", at=AT - 20),
        Finding("sent", REFUSED, "set", at=AT - 30),
    )
    found = values(facts(measured={"findings": findings}))["not_serializable"]
    assert found == {TASK: 1, "parsed": 1, "sent": 1}


def test_the_rest() -> None:
    state = {"catalog_error": "disk full", "refused": 3, "scan": scan(), "stalled_seconds": 700.0}
    found = values(facts(measured={"redis_bytes": 80, "redis_bytes_max": 100}, state=state))
    assert found["catalog_trouble"] == {"": 1}
    assert found["dead_letters"] == {"": 3}
    assert found["scan_stalled_seconds"] == {"/music": 700}
    assert found["redis_memory_percent"] == {"": 80}
    unlimited = values(facts(measured={"redis_bytes": 80, "redis_bytes_max": 0}))
    assert unlimited["redis_memory_percent"] == {}
    assert "redis_memory_percent" not in values(facts())
