"""Queue `maintenance`: forgetting what is missing for long, and scans that are old."""

from __future__ import annotations

import time

from celery import shared_task

from wire.missing import MissingQuestion
from wire.names import PRUNE_HISTORY, PURGE_MISSING
from worker import reconciler
from worker.catalog.prune import prune
from worker.catalog.purge import purge
from worker.services import services

SOFT_LIMIT_SECONDS, HARD_LIMIT_SECONDS = 1150, 1200


@shared_task(name=PURGE_MISSING, soft_time_limit=SOFT_LIMIT_SECONDS, time_limit=HARD_LIMIT_SECONDS)
def purge_missing(root_id: str, before: float, actor: str) -> None:
    """Delete from the catalog what is missing since `before` (epoch seconds) or longer.

    `root_id`: of that music folder only, "" for all.  It may run twice: the second time there is
    nothing left to do.
    """
    here = services()
    purged = purge(here.catalog, MissingQuestion(root_id, before))
    if not purged.files and not purged.scanned:
        return
    root = here.root(root_id)
    files = "1 file" if purged.files == 1 else f"{purged.files} files"
    stopped = f"; stopped, because {purged.scanned} is being scanned" if purged.scanned else ""
    here.progress.activity(
        "missing.purged", actor, target=root.display if root else "", detail=files + stopped
    )
    reconciler.look_at_roots(here)


@shared_task(name=PRUNE_HISTORY, soft_time_limit=SOFT_LIMIT_SECONDS, time_limit=HARD_LIMIT_SECONDS)
def prune_history() -> None:
    """Delete scans from the catalog that are neither recent nor among the last of their root."""
    prune(services().catalog, time.time())
