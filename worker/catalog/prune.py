"""Forgetting old scans, so that the catalog does not grow by being used."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select

from worker.catalog.folders import chunks
from worker.catalog.schema import batches, outcomes, roots, scans, tallies, unchanged
from worker.catalog.store import Catalog

#: Kept are so many scans of each root, and all that were asked for within so many seconds.
SCANS_OF_ROOT = 100
KEPT_SECONDS = 90 * 86_400.0
#: Rows that are looked at, or deleted, in one transaction.
ROWS_CHUNK = 5_000


def prune(catalog: Catalog, now: float) -> int:
    """Delete scans that are neither recent nor among the last of their root; how many."""
    old = _old_scans(catalog, now)
    if old:
        _forget_outcomes(catalog, frozenset(old))
    for scan_id in old:
        with catalog.write() as connection:
            for table in (tallies, batches, unchanged):
                connection.execute(delete(table).where(table.c.scan_id == scan_id))
            connection.execute(delete(scans).where(scans.c.id == scan_id))
    return len(old)


def _old_scans(catalog: Catalog, now: float) -> list[str]:
    old: list[str] = []
    with catalog.read() as connection:
        for root_id in connection.execute(select(roots.c.id)).scalars().all():
            query = select(scans.c.id, scans.c.requested_at, scans.c.active)
            query = query.where(scans.c.root_id == root_id)
            latest_first = query.order_by(scans.c.requested_at.desc(), scans.c.id.desc())
            old += [
                row.id
                for row in connection.execute(latest_first.offset(SCANS_OF_ROOT))
                if row.requested_at < now - KEPT_SECONDS and not row.active
            ]
    return old


def _forget_outcomes(catalog: Catalog, old: frozenset[str]) -> None:
    """Go through all outcomes by id: their table has no index by scan, which scans would pay."""
    columns, after = outcomes.c, 0
    while True:
        query = select(columns.id, columns.scan_id).where(columns.id > after)
        with catalog.read() as connection:
            rows = connection.execute(query.order_by(columns.id).limit(ROWS_CHUNK)).all()
        if not rows:
            return
        after = rows[-1].id
        _delete(catalog, [row.id for row in rows if row.scan_id in old])


def _delete(catalog: Catalog, outcome_ids: Sequence[int]) -> None:
    if not outcome_ids:
        return
    with catalog.write() as connection:
        for part in chunks(outcome_ids):
            connection.execute(delete(outcomes).where(outcomes.c.id.in_(part)))
