"""How many files of a scan had which outcome, format and reason."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from worker.catalog.schema import tallies
from worker.catalog.store import insert_for


def add_tallies(
    connection: Connection, scan_id: str, counts: Mapping[tuple[str, str], int]
) -> None:
    """Add to a scan's tallies: (kind, name) -> files, which may be negative."""
    rows = [
        {"scan_id": scan_id, "kind": kind, "name": name, "files": count}
        for (kind, name), count in sorted(counts.items())
    ]
    if rows:
        connection.execute(_adding(connection.dialect.name), rows)


@lru_cache
def _adding(dialect: str) -> Any:
    statement = insert_for(dialect, tallies)
    more = tallies.c.files + statement.excluded.files
    key = ["scan_id", "kind", "name"]
    return statement.on_conflict_do_update(index_elements=key, set_={"files": more})
