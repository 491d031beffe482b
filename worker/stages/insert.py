"""Queue `insert`: storing one batch in the catalog."""

from __future__ import annotations

import time
from typing import cast

from celery import shared_task

from wire.names import INSERT_BATCH
from worker import crash, pipeline
from worker.catalog import journal, record, writer
from worker.catalog.batchrow import Stage
from worker.catalog.entities import Grouped
from worker.catalog.journal import Claim
from worker.services import Services, services
from worker.stages.claimed import claimed

SOFT_LIMIT_SECONDS, HARD_LIMIT_SECONDS, LEASE_SECONDS = 50, 60, 75.0


@shared_task(name=INSERT_BATCH, soft_time_limit=SOFT_LIMIT_SECONDS, time_limit=HARD_LIMIT_SECONDS)
def direct_batch(batch_id: int) -> None:
    """Store a batch: rows, outcomes and counters in one transaction, then tell Redis."""
    here = services()
    with claimed(here, batch_id, Stage.INSERT, LEASE_SECONDS) as held:
        if held is None:
            return
        _store(here, held)
    pipeline.pump(here, held.scan_id)


def _store(here: Services, held: Claim) -> None:
    key = here.keys.batch(held.batch_id)
    grouped = _grouped(cast("bytes | None", here.redis.get(key)))
    if grouped is None:
        journal.send_back(here.catalog, held)
        return
    crash.step(here)
    completed = writer.complete(here.catalog, held, grouped, now=time.time())
    if completed is None:
        return
    crash.step(here)
    here.redis.delete(key, here.keys.trouble)
    pipeline.publish(here, held.scan_id)
    if completed.finish:
        pipeline.finish(here, held.scan_id)


def _grouped(data: bytes | None) -> Grouped | None:
    """The record of the stage before, or None when Redis lost it."""
    try:
        return record.unpack_grouped(data or b"")
    except record.RecordError:
        return None
