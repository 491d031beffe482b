"""Reading the catalog: scans, their problems, what is known."""

from __future__ import annotations

from wire.events import Problem, Scan
from wire.outcomes import Outcome
from worker.catalog.store import Catalog


def read_scan(catalog: Catalog, scan_id: str) -> Scan | None:
    """A scan with all its numbers, at one moment; None when it is not known."""
    raise NotImplementedError


def recent_scans(catalog: Catalog, limit: int) -> list[Scan]:
    """The last scans asked for, latest first."""
    raise NotImplementedError


def active_scans(catalog: Catalog) -> list[Scan]:
    """The scans that are not over, in the order they were asked for."""
    raise NotImplementedError


def problems(
    catalog: Catalog,
    scan_id: str,
    *,
    after_id: int = 0,
    limit: int = 1000,
    outcome: Outcome | None = None,
) -> list[Problem]:
    """The next problems of a scan after `after_id`, in order of appearance."""
    raise NotImplementedError


def known_file_count(catalog: Catalog, root_id: str) -> int:
    """Files of a root that are known and not marked missing."""
    raise NotImplementedError
