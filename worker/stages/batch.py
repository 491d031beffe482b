"""Queue `batch`: grouping the rows of one batch into artists, albums and tracks."""

from __future__ import annotations

from typing import cast

from celery import shared_task

from wire.keys import BATCH_TTL
from wire.names import INSERT_BATCH, PROCESS_ENTITIES
from worker import crash, pipeline
from worker.catalog import entities, journal, record
from worker.catalog.batchrow import Stage
from worker.catalog.journal import Claim
from worker.services import Services, services
from worker.stages.claimed import claimed

SOFT_LIMIT_SECONDS, HARD_LIMIT_SECONDS, LEASE_SECONDS = 50, 60, 75.0


@shared_task(
    name=PROCESS_ENTITIES, soft_time_limit=SOFT_LIMIT_SECONDS, time_limit=HARD_LIMIT_SECONDS
)
def process_entities(batch_id: int) -> None:
    """Group what was read, without the database, for `insert.direct_batch`."""
    here = services()
    with claimed(here, batch_id, Stage.BATCH, LEASE_SECONDS) as held:
        if held is None:
            return
        done = _process(here, held)
    if done:
        pipeline.send(here, INSERT_BATCH, batch_id=batch_id)
    else:
        pipeline.pump(here, held.scan_id)


def _process(here: Services, held: Claim) -> bool:
    """Whether the batch is on its way to be stored; if not, it is to be read again."""
    key = here.keys.batch(held.batch_id)
    data = cast("bytes | None", here.redis.get(key))
    try:
        results = record.unpack_results(data or b"")
    except record.RecordError:
        journal.send_back(here.catalog, held)
        return False
    here.redis.set(key, record.pack_grouped(entities.group(results)), ex=BATCH_TTL)
    crash.step(here)
    return journal.advance(here.catalog, held, Stage.INSERT, here.epoch())
