"""What is done once a day, whoever notices first that it is due."""

from __future__ import annotations

import time

from wire import keys as wire_keys
from wire.missing import before
from wire.names import KEEP_SIZES, PRUNE_HISTORY, PURGE_MISSING
from worker import pipeline
from worker.services import Services


def keep_up(services: Services) -> None:
    """Ask for sizes to be kept; for old scans, and files long missing, to be forgotten."""
    if not services.redis.set(services.keys.upkeep, 1, nx=True, ex=wire_keys.UPKEEP_SECONDS):
        return
    pipeline.send(services, PRUNE_HISTORY)
    pipeline.send(services, KEEP_SIZES)
    days = services.settings.purge_days
    if days:
        since = before(days, time.time())
        # One task a root: a scan of one holds up no other.
        for root in services.settings.shared.roots:
            pipeline.send(services, PURGE_MISSING, root_id=root.id, before=since, actor="system")
