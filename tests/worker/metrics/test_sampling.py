"""When the length of a whole repr is counted."""

from __future__ import annotations

import time

from worker.metrics.measure import measure
from worker.metrics.running import Running
from worker.metrics.sampling import ReprSamples


def running(chars: int) -> Running:
    """A task whose args have so many characters as JSON, and one more as repr."""
    args = ["x" * (chars - 4)]
    return Running(
        task_id="id", task="t", queue="q", worker="w", retries=0, sent_at=None, eta=None,
        args=args, kwargs={}, args_size=measure(args), kwargs_size=measure({}), args_items=0,
        kwargs_items=0, root_id="", parent_id="",
        started_at=time.time(), began=time.perf_counter(), promised=False,
    )  # fmt: skip


def sampled(*chars: int) -> list[int]:
    """The lengths that are counted of tasks which come one right after the other."""
    samples = ReprSamples()
    found = [samples.take(running(number), lambda: 3) for number in chars]
    return [dict(one.sizes)["args_repr"] for one in found if one]


def test_each_much_larger_payload_is_a_sample_at_once() -> None:
    assert sampled(100, 3_000_000) == [101, 3_000_001]
    assert sampled(1_000, 1_040, 1_060, 900, 2_000) == [1_001, 1_061, 2_001]


def test_payloads_of_one_size_are_sampled_now_and_then() -> None:
    assert sampled(*[5_000] * 200) == [5_001]


def test_samples_of_a_growing_task_are_few() -> None:
    assert len(sampled(*range(100, 20_000, 20))) < 120
