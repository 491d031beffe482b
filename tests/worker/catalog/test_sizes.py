"""The history of message sizes in the catalog."""

from __future__ import annotations

from tests.worker.catalog.scenario import rows
from wire.payloads import Sizes, TaskSizes
from worker.catalog.sizes import store_size_days
from worker.catalog.store import Catalog


def task(name: str, n: int, largest: int, cut: int = 0) -> TaskSizes:
    measures = {"args": Sizes(n, n * 10, largest), "wire_bytes": Sizes(n, n * 900, 1000)}
    return TaskSizes(name, measures, cut=cut)


def test_a_day_is_one_row_a_task(catalog: Catalog) -> None:
    days = {
        "2026-11-20": {"a": task("a", 2, 20), "b": task("b", 1, 5)},
        "2026-11-21": {"a": task("a", 3, 30, cut=1)},
    }
    assert store_size_days(catalog, days) == 3
    found = {(row["day"], row["task"]): row for row in rows(catalog, "size_days")}
    assert set(found) == {("2026-11-20", "a"), ("2026-11-20", "b"), ("2026-11-21", "a")}
    last = found["2026-11-21", "a"]
    assert (last["analysed"], last["cut"], last["args_sum"], last["args_max"]) == (3, 1, 30, 30)
    assert (last["kwargs_max"], last["wire_max"], last["result_max"]) == (0, 1000, 0)


def test_a_day_that_is_stored_again_grows_and_never_shrinks(catalog: Catalog) -> None:
    store_size_days(catalog, {"2026-11-21": {"a": task("a", 5, 50)}})
    store_size_days(catalog, {"2026-11-21": {"a": task("a", 8, 80)}})
    store_size_days(catalog, {"2026-11-21": {"a": task("a", 1, 9)}})  # Redis was emptied
    (row,) = rows(catalog, "size_days")
    assert (row["analysed"], row["args_max"]) == (8, 80)


def test_no_days_are_no_rows(catalog: Catalog) -> None:
    assert store_size_days(catalog, {}) == 0
    assert rows(catalog, "size_days") == []
