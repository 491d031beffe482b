"""Starting a scan from a worker's side, exactly as the page does: see docs/wire.md."""

from __future__ import annotations

from typing import cast

from wire.roots import Root
from wire.scripts import TAKE_ROOT
from wire.starting import queued_scan
from wire.states import ScanMode
from worker import reconciler
from worker.services import Services


def start_scan(services: Services, root: Root, folder: bytes, mode: ScanMode, actor: str) -> bool:
    """Ask for a scan of `folder` (relative to the root, b"" = all of it).

    False when another scan has the root; raises what redis-py raises.  A scan whose message is
    lost stays queued, and the reconciler sends it again.
    """
    scan = queued_scan(root, folder, mode, actor)
    take = services.redis.register_script(TAKE_ROOT)
    if cast(bytes, take(keys=[services.keys.active], args=[root.id, scan.id])).decode() != scan.id:
        return False
    services.progress.scan(scan)
    services.progress.activity(
        "scan.requested", actor, scan_id=scan.id, target=scan.root, detail=scan.folder
    )
    reconciler.send_discovery(services, scan)
    return True
