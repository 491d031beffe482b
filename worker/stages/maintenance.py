"""Queue `maintenance`: forgetting what is missing for long or old, keeping what Redis forgets."""

from __future__ import annotations

import time

from celery import shared_task

from wire.keys import SIZES_DAY_TTL
from wire.missing import MissingQuestion
from wire.names import KEEP_SIZES, PRUNE_HISTORY, PURGE_MISSING
from wire.payloads import read_sizes
from wire.size_report import day_of
from worker import reconciler
from worker.catalog.prune import prune
from worker.catalog.purge import purge
from worker.catalog.sizes import store_size_days
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


@shared_task(name=KEEP_SIZES, soft_time_limit=SOFT_LIMIT_SECONDS, time_limit=HARD_LIMIT_SECONDS)
def keep_sizes() -> None:
    """Copy the days of message sizes that Redis still has into the catalog."""
    here, now = services(), time.time()
    days = [day_of(now - ago * 86_400) for ago in range(SIZES_DAY_TTL // 86_400)]
    pipe = here.redis.pipeline(transaction=False)
    for day in days:
        pipe.hgetall(here.keys.sizes_day(day))
    found = {day: read_sizes(raw) for day, raw in zip(days, pipe.execute(), strict=True)}
    store_size_days(here.catalog, {day: sizes for day, sizes in found.items() if sizes})
