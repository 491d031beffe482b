"""A scan as a whole: asked for, paused, stopped, given up."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wire.roots import Root
from wire.states import ScanMode, ScanState
from worker.catalog.store import Catalog


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """What somebody asked for."""

    scan_id: str
    root: Root
    mode: ScanMode
    requested_at: float
    requested_by: str = ""
    folder: bytes = b""  #: the part of the root to scan, relative; b"" = all of it
    mark_anyway: bool = False  #: mark missing files even when suspiciously many are gone


class Begin(StrEnum):
    """What became of a request."""

    STARTED = "started"
    RESUMED = "resumed"  #: this scan is known and not over: go on with it
    BUSY = "busy"  #: another scan has the root
    ENDED = "ended"  #: this scan is over


@dataclass(frozen=True, slots=True)
class BeginResult:
    """`scan_id` is the scan that has the root: another one than was asked for when BUSY."""

    status: Begin
    scan_id: str


@dataclass(frozen=True, slots=True)
class Change:
    """`changed`: the request had an effect; `finish`: the scan waits only for `finish_scan`."""

    changed: bool
    finish: bool = False


def begin_scan(catalog: Catalog, request: ScanRequest) -> BeginResult:
    """Write down a scan, unless its root has one that is not over.  Asking twice is harmless."""
    raise NotImplementedError


def request_stop(catalog: Catalog, scan_id: str, actor: str) -> Change:
    """Stop a scan: what was not begun is cancelled, what was read is still stored.

    Discovery ends at once (its next `add_found` is refused).  Without effect once the scan is
    finishing.
    """
    raise NotImplementedError


def request_pause(catalog: Catalog, scan_id: str, actor: str) -> Change:
    """Pause a scan: nothing more is handed out for it; what was read is still stored."""
    raise NotImplementedError


def request_resume(catalog: Catalog, scan_id: str) -> Change:
    """End a pause; the next `reconcile` hands out work again."""
    raise NotImplementedError


def fail_scan(catalog: Catalog, scan_id: str, state: ScanState, reason: str) -> bool:
    """End a scan as FAILED, SKIPPED or CANCELLED with a sentence saying why; cancels its batches.

    What is stored stays; nothing is marked missing.  False when it was over already.
    """
    raise NotImplementedError
