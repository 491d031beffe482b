"""Who asked for the scans, and who paused them: what decides about those that run by themselves."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from wire.states import ScanMode
from worker.catalog.schema import scans
from worker.catalog.store import Catalog


@dataclass(frozen=True, slots=True)
class Running:
    """A scan that is not over."""

    scan_id: str
    requested_by: str
    requested_at: float
    paused_by: str  #: "" = it is not paused


def running_scans(catalog: Catalog) -> list[Running]:
    """The scans that are not over, in the order they were asked for."""
    columns = scans.c
    query = select(columns.id, columns.requested_by, columns.requested_at, columns.paused_by)
    query = query.where(columns.active).order_by(columns.requested_at, columns.id)
    with catalog.read() as connection:
        return [Running(*row) for row in connection.execute(query)]


def last_requests(catalog: Catalog, root_id: str, actor: str) -> dict[ScanMode, float]:
    """When `actor` last asked for a scan of a root (or of a part), for each mode."""
    columns = scans.c
    query = select(columns.mode, func.max(columns.requested_at)).group_by(columns.mode)
    query = query.where(columns.root_id == root_id, columns.requested_by == actor)
    with catalog.read() as connection:
        return {ScanMode(mode): at for mode, at in connection.execute(query)}
