"""The transactions of a scan that finishes: one process at a time, each a step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from sqlalchemy import Connection, RowMapping, update

from wire.states import ScanState
from worker.catalog.clock import FREE, moment
from worker.catalog.owner import Owner
from worker.catalog.scanrow import load_active
from worker.catalog.schema import scans
from worker.catalog.store import Catalog

#: Seconds that one step may take before another process takes over.
LEASE_SECONDS = 120.0


class TakenOverError(Exception):
    """Another process finishes the scan, or it is over."""


class Steps(Protocol):
    """Something that is done in many transactions."""

    def step(self) -> AbstractContextManager[tuple[Connection, Any]]:
        """The next writing transaction; raises when there must be none."""


class Finishing:
    """The finishing of one scan by this process."""

    def __init__(self, catalog: Catalog, scan_id: str) -> None:
        self.scan_id = scan_id
        self._catalog = catalog
        self._owner = Owner.current()

    @contextmanager
    def step(self) -> Iterator[tuple[Connection, RowMapping]]:
        """A writing transaction and the scan's row in it.  Raises TakenOverError."""
        with self._catalog.write() as connection:
            row = load_active(connection, self.scan_id)
            now = moment(connection)
            if row is None or row["state"] != ScanState.FINISHING:
                raise TakenOverError(self.scan_id)
            if row["lease_owner"] not in ("", str(self._owner)) and not now.has_expired(row):
                raise TakenOverError(self.scan_id)
            lease = now.lease(self._owner, LEASE_SECONDS)
            connection.execute(update(scans).where(scans.c.id == self.scan_id).values(lease))
            yield connection, row


def release_finishing(catalog: Catalog, scan_id: str) -> None:
    """Give the finishing back unfinished, if this process has it: another may go on at once."""
    with catalog.write() as connection:
        row = load_active(connection, scan_id)
        if row is not None and row["lease_owner"] == str(Owner.current()):
            connection.execute(update(scans).where(scans.c.id == scan_id).values(FREE))
