"""The history of message sizes: one row a day and kind of task, kept when Redis forgets it."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from wire import payloads
from wire.payloads import TaskSizes
from worker.catalog.schema import size_days
from worker.catalog.store import Catalog, insert_for


def store_size_days(catalog: Catalog, days: Mapping[str, Mapping[str, TaskSizes]]) -> int:
    """Write days (UTC, `2026-11-21` -> task -> sizes), as often as one likes; how many rows.

    Of what is there and what comes each larger figure is right: a day grows until it is over, and
    Redis may have been emptied in the middle of it.
    """
    rows = {(day, task): _figures(sizes) for day, of in days.items() for task, sizes in of.items()}
    if not rows:
        return 0
    with catalog.write() as connection:
        known = connection.execute(select(size_days).where(size_days.c.day.in_(days)))
        before = {(row.day, row.task): row._asdict() for row in known}
        statement = insert_for(connection.dialect.name, size_days)
        columns = {c.name: statement.excluded[c.name] for c in size_days.c if not c.primary_key}
        connection.execute(
            statement.on_conflict_do_update(index_elements=["day", "task"], set_=columns),
            [
                {"day": day, "task": task, **_larger(figures, before.get((day, task), {}))}
                for (day, task), figures in rows.items()
            ],
        )
    return len(rows)


def _figures(sizes: TaskSizes) -> dict[str, int]:
    args, kwargs = sizes[payloads.ARGS], sizes[payloads.KWARGS]
    return {
        "analysed": sizes.analysed,
        "cut": sizes.cut,
        "not_json": sizes.not_json,
        "args_sum": args.sum,
        "args_max": args.max,
        "kwargs_sum": kwargs.sum,
        "kwargs_max": kwargs.max,
        "wire_max": sizes[payloads.WIRE_BYTES].max,
        "result_max": sizes[payloads.RESULT_BYTES].max,
    }


def _larger(figures: Mapping[str, int], known: Mapping[str, int]) -> dict[str, int]:
    return {name: max(value, known.get(name, 0)) for name, value in figures.items()}
