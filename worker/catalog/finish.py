"""The end of a scan: moved and missing files, names, its final state."""

from __future__ import annotations

from worker.catalog.store import Catalog


def finish_scan(catalog: Catalog, scan_id: str, *, now: float) -> bool:
    """Settle a scan of which nothing is left to do and give it its final state.

    May be called again after a crash, or twice at a time: each step is a transaction that
    takes up where the last one ended.  False when the scan is not ready, or was over already.
    """
    raise NotImplementedError
