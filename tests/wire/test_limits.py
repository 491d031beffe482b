"""Changing limits: who wins, what is remembered, what an undo brings back."""

from __future__ import annotations

import pytest
import redis

from tests.wire.measured import fields_of, sizes_of
from wire import limits
from wire.events import Activity, decode
from wire.keys import Keys
from wire.limits import AUTOMATIC, Change, LimitError
from wire.payloads import SizeLimits, read_limits
from wire.scripts import CHANGE_LIMITS
from wire.size_report import SizeReport, make_report
from wire.sizes import HIGHEST_LIMIT

KEYS = Keys("test-limits")
AT = 1_795_000_000.0
BY_HAND = SizeLimits(131_072, 2_048, "anna", AT)


def limits_of(change: Change | None) -> SizeLimits:
    assert change is not None
    assert change.limits is not None
    return change.limits


def test_first_limits_remember_that_there_were_none() -> None:
    change = limits.by_hand(None, 131_072, 2_048, actor="anna", at=AT)
    assert limits_of(change) == BY_HAND
    assert change is not None
    assert change.activity == Activity(
        AT, "anna", "sizes.limits_set", detail="args 131072, kwargs 2048"
    )
    assert limits.undone(limits_of(change), actor="ben", at=AT + 1).limits is None


def test_undo_brings_back_the_last_limits_and_can_be_undone() -> None:
    second = limits_of(limits.by_hand(BY_HAND, 500_000, 1_000, actor="ben", at=AT + 1))
    back = limits_of(limits.undone(second, actor="anna", at=AT + 2))
    assert (back.args, back.kwargs, back.set_by, back.set_at) == (131_072, 2_048, "anna", AT + 2)
    again = limits_of(limits.undone(back, actor="anna", at=AT + 3))
    assert (again.args, again.kwargs) == (500_000, 1_000)


def test_same_limits_again_change_nothing() -> None:
    assert limits.by_hand(BY_HAND, 131_072, 2_048, actor="ben", at=AT + 1) is None


def test_nothing_set_cannot_be_undone() -> None:
    with pytest.raises(LimitError, match="nothing to undo"):
        limits.undone(None, actor="anna", at=AT)


@pytest.mark.parametrize("value", [0, -1, HIGHEST_LIMIT + 1, 1.5, True, None, "1024", [1024]])
def test_limit_out_of_bounds_is_refused(value: object) -> None:
    with pytest.raises(LimitError, match="args: a whole number of characters from 1 to"):
        limits.checked("args", value)


def test_limit_within_bounds_is_taken() -> None:
    assert [limits.checked("args", n) for n in (1, HIGHEST_LIMIT)] == [1, HIGHEST_LIMIT]


def report(known: SizeLimits | None, largest: int, at: float = AT) -> SizeReport:
    sizes = sizes_of(fields_of("t", {"args": [largest], "kwargs": [2]}))
    return make_report(sizes, known, at=at)


def test_automatic_mode_is_off_until_it_is_switched_on() -> None:
    assert limits.kept(report(None, 45_678)) is None
    assert limits.kept(report(BY_HAND, 450_000)) is None
    on = limits.automatic(None, on=True, actor="anna", at=AT)
    kept = limits_of(limits.kept(report(limits_of(on), 45_678)))
    assert (kept.args, kept.kwargs, kept.automatic) == (131_072, 1_024, True)
    assert (kept.set_by, kept.previous_args) == (AUTOMATIC, 1_024)
    assert limits.kept(report(kept, 45_678)) is None


def test_automatic_mode_keeps_below_its_ceiling() -> None:
    on = limits_of(limits.automatic(None, on=True, ceiling=200_000, actor="anna", at=AT))
    kept = limits_of(limits.kept(report(on, 3_000_000)))
    assert (kept.args, kept.ceiling) == (200_000, 200_000)
    assert limits.kept(report(kept, 3_000_000)) is None


def test_automatic_mode_ends_by_hand_and_by_undo() -> None:
    on = limits_of(limits.automatic(BY_HAND, on=True, actor="anna", at=AT))
    assert (on.args, on.kwargs, on.set_at, on.automatic) == (131_072, 2_048, AT, True)
    assert limits.automatic(on, on=True, actor="ben", at=AT) is None
    assert not limits_of(limits.automatic(on, on=False, actor="ben", at=AT)).automatic
    assert not limits_of(limits.by_hand(on, 131_072, 2_048, actor="ben", at=AT)).automatic
    kept = limits_of(limits.kept(report(on, 300_000)))
    back = limits_of(limits.undone(kept, actor="ben", at=AT))
    assert (back.args, back.automatic) == (131_072, False)


def change(client: redis.Redis, known: bytes | None, made: Change | None) -> int:
    assert made is not None
    keys, arguments = limits.arguments(KEYS, known, made)
    return int(client.register_script(CHANGE_LIMITS)(keys=keys, args=arguments))


def test_script_writes_limits_and_activity(redis_client: redis.Redis) -> None:
    first = limits.by_hand(None, 131_072, 2_048, actor="anna", at=AT)
    assert change(redis_client, None, first) == 1
    raw = redis_client.get(KEYS.size_limits)
    assert isinstance(raw, bytes)
    assert read_limits(raw) == BY_HAND
    assert change(redis_client, raw, limits.undone(BY_HAND, actor="ben", at=AT)) == 1
    assert redis_client.get(KEYS.size_limits) is None
    entries = redis_client.xrange(KEYS.activity)
    told = [decode(fields) for _, fields in entries]  # type: ignore[union-attr]
    assert [event.action for event in told if isinstance(event, Activity)] == [
        "sizes.limits_set",
        "sizes.limits_undone",
    ]


def test_slower_change_is_refused_whole(redis_client: redis.Redis) -> None:
    faster = limits.by_hand(None, 500_000, 500_000, actor="anna", at=AT)
    slower = limits.by_hand(None, 131_072, 2_048, actor="ben", at=AT)
    assert change(redis_client, None, faster) == 1
    assert change(redis_client, None, slower) == 0
    raw = redis_client.get(KEYS.size_limits)
    assert isinstance(raw, bytes)
    assert read_limits(raw) == limits_of(faster)
    assert redis_client.xlen(KEYS.activity) == 1
