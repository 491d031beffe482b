"""The recommendation of limits: figures of the seed, exact boundaries, properties."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.payloads import CELERY_LIMIT
from wire.sizes import (
    BEYOND,
    DEFAULT_CEILING,
    LOWER_AFTER_SECONDS,
    LOWER_AFTER_TASKS,
    MOVE_ABOVE_CHARS,
    NOTHING_MEASURED,
    TABLE,
    Basis,
    automatic_limit,
    cost,
    recommend,
)

LIMITS = [step.limit for step in TABLE]
sizes = st.one_of(st.integers(1, 3 * LIMITS[-1]), st.integers(1, 10**15))


@pytest.mark.parametrize(
    ("largest", "need", "limit"),
    [
        (1, 1, 131_072),
        (45_678, 54_813, 131_072),
        (67_890, 81_468, 131_072),
        (109_227, 131_072, 131_072),
        (109_228, 131_073, 524_288),
        (436_907, 524_288, 524_288),
        (436_908, 524_289, 1_048_576),
        (873_814, 1_048_576, 1_048_576),
        (873_815, 1_048_578, 2_097_152),
        (1_747_627, 2_097_152, 2_097_152),
        (1_747_628, 2_097_153, 4_194_304),
        (3_000_000, 3_600_000, 4_194_304),
        (3_495_254, 4_194_304, 4_194_304),
        (3_495_255, 4_194_306, 8_388_608),
    ],
)
def test_limit_holds_the_need_exactly(largest: int, need: int, limit: int) -> None:
    answer = recommend(largest)
    assert (answer.need, answer.limit) == (need, limit)


def test_table_is_the_seeds() -> None:
    assert LIMITS == [131_072, 524_288, 1_048_576, 2_097_152]
    assert [step.title for step in TABLE] == ["128 KB", "512 KB", "1 MB", "2 MB"]


@given(sizes)
def test_limit_is_never_below_the_need(largest: int) -> None:
    answer = recommend(largest)
    assert answer.limit is not None
    assert answer.limit >= answer.need == int(Fraction(12, 10) * largest)
    assert answer.limit > largest * 119 // 100


@given(sizes)
def test_no_smaller_limit_would_do(largest: int) -> None:
    answer = recommend(largest)
    assert answer.limit is not None
    if answer.limit in LIMITS:
        smaller = LIMITS[: LIMITS.index(answer.limit)]
        assert all(limit < answer.need for limit in smaller)
        assert answer.justification == TABLE[LIMITS.index(answer.limit)].justification
    else:
        assert answer.limit // 2 < answer.need
        assert answer.limit.bit_count() == 1
        assert answer.justification == BEYOND


@given(sizes, sizes)
def test_more_never_means_less(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert (recommend(low).limit or 0) <= (recommend(high).limit or 0)


@given(sizes, sizes)
def test_longer_repr_counts(payload: int, shown: int) -> None:
    answer = recommend(payload, shown)
    assert answer.limit == recommend(max(payload, shown)).limit
    assert answer.basis is (Basis.REPR if shown > payload else Basis.JSON)
    assert answer.payload == payload


@pytest.mark.parametrize("nothing", [0, None, -1])
def test_nothing_measured_is_said(nothing: int | None) -> None:
    answer = recommend(nothing)
    assert answer.limit is None
    assert answer.justification == answer.why() == NOTHING_MEASURED
    assert answer.advice() == ()


def test_repr_alone_is_enough() -> None:
    assert recommend(None, 45_678).limit == 131_072


@given(sizes, st.integers(1, 10**6))
def test_better_advice_comes_first_for_large_payloads(payload: int, items: int) -> None:
    texts = [sentence.told() for sentence in recommend(payload, items=items).advice()]
    assert texts[-1].startswith("Set ")
    assert (len(texts) > 1) is (payload > MOVE_ABOVE_CHARS)
    if payload > MOVE_ABOVE_CHARS:
        assert "send ids" in texts[0]
        assert "split the batch" in texts[1]


@given(sizes, st.integers(1, 10**6))
def test_recommended_batch_fits(payload: int, items: int) -> None:
    fitting = recommend(payload, items=items).batch_items
    assert fitting is not None
    assert fitting == 1 or Fraction(payload * fitting, items) <= MOVE_ABOVE_CHARS
    assert Fraction(payload * (fitting + 1), items) > MOVE_ABOVE_CHARS


@given(sizes)
def test_split_into_so_many_messages_fits(payload: int) -> None:
    messages = recommend(payload).messages
    assert Fraction(payload, messages) <= MOVE_ABOVE_CHARS
    assert messages == 1 or Fraction(payload, messages - 1) > MOVE_ABOVE_CHARS


@given(sizes, st.integers(1, 10**8))
def test_cost_grows_no_further_than_the_limit(chars: int, limit: int) -> None:
    price = cost(chars, limit)
    assert price.shown_chars == min(chars, limit)
    assert price == cost(price.shown_chars, 10**16)
    assert price.event_bytes == price.message_bytes >= price.shown_chars


def test_sentences_hold_their_figures() -> None:
    answer = recommend(3_000_000, items=500)
    assert "3,000,000" in answer.why().told()
    assert "3,600,000" in answer.why().told()
    assert [text.told() for text in answer.advice()] == [
        "Better than any limit: send ids and let the task read the 3,000,000 characters.",
        "Or split the batch: at most 10 items a message stay below 64 KB.",
        "Set 4,194,304.",
    ]
    assert "3.3 MB to its message" in answer.price().told()


def automatic(current: int, largest: int, **facts: float) -> int:
    values = {"tasks": LOWER_AFTER_TASKS, "unchanged_seconds": LOWER_AFTER_SECONDS} | facts
    return automatic_limit(current, recommend(largest), **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("current", "largest", "wanted"),
    [
        (CELERY_LIMIT, 45_678, 131_072),  # what would be cut raises it at once
        (CELERY_LIMIT, 500, CELERY_LIMIT),  # what fits changes nothing
        (60_000, 45_678, 60_000),
        (524_288, 45_678, 131_072),
        (524_288, 100_000, 524_288),  # twice the need would not fit any more
        (CELERY_LIMIT, 5_000_000, DEFAULT_CEILING),
        (8_388_608, 5_000_000, DEFAULT_CEILING),
        (CELERY_LIMIT, 0, CELERY_LIMIT),
    ],
)
def test_automatic_mode_keeps_the_limit(current: int, largest: int, wanted: int) -> None:
    assert automatic(current, largest) == wanted


def test_automatic_mode_lowers_late() -> None:
    assert automatic(524_288, 45_678, tasks=LOWER_AFTER_TASKS - 1) == 524_288
    assert automatic(524_288, 45_678, unchanged_seconds=LOWER_AFTER_SECONDS - 1) == 524_288
    assert automatic(CELERY_LIMIT, 45_678, tasks=1, unchanged_seconds=0) == 131_072


@given(st.integers(1, 10**7), st.integers(0, 10**7), st.integers(1, 10**7))
def test_automatic_mode_settles_below_its_ceiling(current: int, largest: int, ceiling: int) -> None:
    first = automatic(current, largest, ceiling=ceiling)
    assert first <= ceiling
    assert automatic(first, largest, ceiling=ceiling, unchanged_seconds=0) == first
    settled = automatic(first, largest, ceiling=ceiling)
    assert automatic(settled, largest, ceiling=ceiling) == settled
