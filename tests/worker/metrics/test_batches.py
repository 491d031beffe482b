"""How many items the batch of a task has."""

from __future__ import annotations

from typing import Any

import pytest

from worker.metrics.measure import longest_list


@pytest.mark.parametrize(
    ("values", "items"),
    [
        ((), 0),
        (("x" * 100_000,), 0),
        ((["one"],), 0),
        ((list(range(500)),), 500),
        ([tuple(range(500)), [1, 2]], 500),
        (([{"path": n} for n in range(40)], "x"), 40),
        (({"scan": 1, "tracks": list(range(70))},), 70),
        ({"batch": list(range(25)), "mode": "quick"}, 25),
        ({"by_path": {str(n): n for n in range(30)}}, 30),
        ({"meta": {"rows": [[1, 2, 3]] * 12}}, 12),
        (None, 0),
    ],
)
def test_longest_list_is_the_batch(values: Any, items: int) -> None:
    assert longest_list(values) == items


def test_looking_ends_in_huge_dictionaries() -> None:
    values = {str(n): [0] for n in range(5_000)} | {"late": list(range(9))}
    assert longest_list((values,)) == 5_001
    assert longest_list(values) == 0
