"""A scan that was just asked for, and the message by which a worker hears of it."""

from __future__ import annotations

import time
from typing import TypedDict

from wire.events import Scan
from wire.names import new_scan_id
from wire.roots import Root
from wire.states import ScanMode, ScanState
from wire.text import display_path, path_to_wire


class DiscoveryArguments(TypedDict):
    """The arguments of the task `scan.discovery`."""

    scan_id: str
    root_id: str
    folder: str  #: see `wire.text.path_to_wire`
    mode: str
    requested_by: str
    requested_at: float
    mark_anyway: bool


def queued_scan(
    root: Root, folder: bytes, mode: ScanMode, actor: str, *, mark_anyway: bool = False
) -> Scan:
    """A new scan of `folder` (relative to the root, b"" = all of it) that `actor` asks for."""
    now = time.time()
    return Scan(
        id=new_scan_id(),
        root_id=root.id,
        root=root.display,
        mode=mode,
        state=ScanState.QUEUED,
        requested_at=now,
        requested_by=actor,
        folder=display_path(folder),
        folder_path=path_to_wire(folder),
        mark_anyway=mark_anyway,
        updated_at=now,
    )


def discovery_arguments(scan: Scan) -> DiscoveryArguments:
    """What a worker is told of a scan that it is to begin."""
    return DiscoveryArguments(
        scan_id=scan.id,
        root_id=scan.root_id,
        folder=scan.folder_path,
        mode=scan.mode.value,
        requested_by=scan.requested_by,
        requested_at=scan.requested_at,
        mark_anyway=scan.mark_anyway,
    )
