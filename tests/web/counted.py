"""Tasks counted as workers count them: through the recorder, into Redis."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis

from tests.web.records import KEYS
from wire.metrics import RECEIVED, SENT, STARTED, SUCCESS
from worker.metrics.recorder import Recorder
from worker.metrics.tally import Tally


@contextmanager
def counting(client: redis.Redis, worker: str = "needle@here") -> Iterator[Tally]:
    """What is changed in the block is in Redis after it."""
    settings = client.connection_pool.connection_kwargs
    url = f"redis://{settings['host']}:{settings['port']}/0"
    recorder = Recorder(lambda: (url, KEYS), worker, 100)
    with recorder as tally:
        yield tally
    assert recorder.flush()
    # What it would say of its own flush must not reach the server of another test at exit.
    recorder._begin()


def ran(tally: Tally, task: str, *seconds: float, queue: str = "celery") -> None:
    """Tasks that were sent, waited half as long as they ran, and succeeded."""
    for took in seconds:
        for status in (SENT, RECEIVED, STARTED, SUCCESS):
            tally.tasks[task, queue, status] += 1
        tally.durations[task, queue, SUCCESS].add(took)
        tally.waits[task, queue].add(took / 2)
