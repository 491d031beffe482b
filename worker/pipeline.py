"""What follows what in a scan: sending the next work, publishing, finishing.

scan.discovery → metadata.extract_batch → batch.process_entities → insert.direct_batch → finish

1. A message is a hint: losing one, or getting it twice, changes nothing but the time it takes.
2. The catalog changes first, then Redis hears of it.
3. At most `in_flight_limit` batches of a scan are in Redis, whatever the size of the library.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, cast

from celery import current_app
from redis.exceptions import RedisError

from wire import keys
from wire.names import EXTRACT_BATCH, INSERT_BATCH, PROCESS_ENTITIES, SCAN_FINISH
from worker.catalog import journal, queries
from worker.catalog.batchrow import Dispatch, Stage
from worker.services import Services

log = logging.getLogger(__name__)

TASK_OF_STAGE = {
    Stage.EXTRACT: EXTRACT_BATCH,
    Stage.BATCH: PROCESS_ENTITIES,
    Stage.INSERT: INSERT_BATCH,
}


def send(services: Services, name: str, **kwargs: Any) -> bool:
    """Send a task; False when Redis did not take it (the reconciler sends it again)."""
    return services.sender.send(current_app, name, **kwargs)


def send_batches(services: Services, dispatches: Iterable[Dispatch]) -> None:
    """Send the tasks for batches that the journal has marked as sent."""
    for dispatch in dispatches:
        if not send(services, TASK_OF_STAGE[dispatch.stage], batch_id=dispatch.batch_id):
            return


def in_flight_limit(services: Services) -> int:
    """How many batches of a scan may be sent or running: twice what the pools can work on."""
    return max(4, 2 * services.processes())


def pump(services: Services, scan_id: str) -> None:
    """Send pending batches of the scan, as many as there is room for."""
    try:
        epoch, limit = services.epoch(), in_flight_limit(services)
    except RedisError as error:
        log.warning("Redis is away, batches wait in the journal: %s", error)
        return
    send_batches(services, journal.take_pending(services.catalog, scan_id, epoch, limit))


def publish(services: Services, scan_id: str, *, always: bool = False) -> None:
    """Publish the scan's numbers and new problems, unless this process did a moment ago."""
    if not always and not services.progress.is_due(scan_id):
        return
    scan = queries.read_scan(services.catalog, scan_id)
    if scan is not None:
        publish_problems(services, scan_id, services.progress.last_problem_id(scan_id))
        services.progress.scan(scan)


def publish_problems(services: Services, scan_id: str, after_id: int = 0) -> None:
    """Write a scan's problems after `after_id` to Redis, as many as are kept there."""
    left = keys.PROBLEMS_KEPT
    while left > 0:
        page = queries.problems(services.catalog, scan_id, after_id=after_id, limit=1000)
        if not page:
            return
        services.progress.problems(scan_id, page)
        after_id, left = page[-1].id, left - len(page)


def recall_problems(services: Services, scan_id: str) -> int:
    """Write the problems of an old scan to Redis for a while, in place of those recalled before.

    Returns how many are there now.
    """
    client, names = services.redis, services.keys
    publish_problems(services, scan_id)
    client.expire(names.problems(scan_id), keys.RECALLED_TTL)
    client.lrem(names.recalled, 0, scan_id)
    client.lpush(names.recalled, scan_id)
    while client.llen(names.recalled) > keys.RECALLED_KEPT:
        forgotten = cast("bytes | None", client.rpop(names.recalled))
        if forgotten is not None:
            client.delete(names.problems(forgotten.decode("ascii", "replace")))
    return client.zcard(names.problems(scan_id))


def finish(services: Services, scan_id: str) -> None:
    """Ask for the end of a scan of which nothing is left to do."""
    send(services, SCAN_FINISH, scan_id=scan_id)
