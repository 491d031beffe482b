"""Storing a batch: one transaction for its rows, its outcomes and the scan's counters."""

from __future__ import annotations

from dataclasses import dataclass

from worker.catalog.entities import Grouped
from worker.catalog.journal import Claim
from worker.catalog.store import Catalog


@dataclass(frozen=True, slots=True)
class Completed:
    """A batch is stored; `finish`: it was the last, the scan waits only for `finish_scan`."""

    files: int
    finish: bool


def complete(catalog: Catalog, held: Claim, grouped: Grouped, *, now: float) -> Completed | None:
    """Store a batch and close it; None, with nothing stored, when the claim was lost.

    `now` is epoch seconds.
    """
    raise NotImplementedError


def give_up(
    catalog: Catalog, held: Claim, error_class: str, message: str, *, now: float
) -> Completed | None:
    """Close a batch that cannot be done: its files become `unreadable` with this error."""
    raise NotImplementedError
