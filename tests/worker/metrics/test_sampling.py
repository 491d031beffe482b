"""When the length of a whole repr is counted."""

from __future__ import annotations

from worker.metrics.sampling import ReprSamples


def sampled(*chars: int) -> list[int]:
    """The lengths that are counted of tasks whose args have so many characters as JSON.

    They come one right after the other; a repr has one character more.
    """
    samples, found = ReprSamples(), []
    for number in chars:
        if samples.is_due("t", number):
            args = ["x" * (number - 4)]
            found.append(dict(samples.take("t", number, args, {}, 3).sizes)["args_repr"])
    return found


def test_each_much_larger_payload_is_a_sample_at_once() -> None:
    assert sampled(100, 3_000_000) == [101, 3_000_001]
    assert sampled(1_000, 1_040, 1_060, 900, 2_000) == [1_001, 1_061, 2_001]


def test_payloads_of_one_size_are_sampled_now_and_then() -> None:
    assert sampled(*[5_000] * 200) == [5_001]


def test_samples_of_a_growing_task_are_few() -> None:
    assert len(sampled(*range(100, 20_000, 20))) < 120
