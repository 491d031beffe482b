"""Once a minute one worker looks at all: how deep the queues are, what the workers take.

The queue's depth is the sum of all lists that kombu keeps for it, one for each step of priority.
"""

from __future__ import annotations

import time
from typing import Any

import redis
from celery import Celery

from wire.events import EventError, WorkerBeat, load
from worker.metrics.recorder import Recorder, connect
from worker.metrics.settings import is_redis

MINUTE = 60
#: Workers and queues that are looked at.
WORKERS_MAX, QUEUES_MAX = 64, 200


def waiting_lists(app: Celery, queue: str) -> tuple[str, ...]:
    """The Redis lists that hold the waiting messages of a queue of `app`."""
    options = app.conf.broker_transport_options or {}
    separator = options.get("sep", "\x06\x16")
    steps = options.get("priority_steps", (0, 3, 6, 9))
    name = options.get("global_keyprefix", "") + queue
    return tuple(f"{name}{separator}{step}" if step else name for step in steps)


class Minutely:
    """The look of one worker, when it is its turn."""

    def __init__(self, app: Celery, recorder: Recorder) -> None:
        self._app, self._recorder = app, recorder
        self._minute = 0
        self._broker: redis.Redis | None = None

    def look(self, worker: str) -> None:
        """Once a minute, and only one of all workers.  Raises what redis-py raises."""
        minute = int(time.time()) // MINUTE
        if minute == self._minute:
            return
        self._minute = minute
        client, keys = self._recorder.client, self._recorder.keys
        if not client.set(keys.metrics_turn, worker, nx=True, ex=MINUTE - 5):
            return
        beats = self.beats()
        depths = self.depths({queue for beat in beats for queue in beat.queues})
        with self._recorder as tally:
            for queue, depth in depths.items():
                tally.sample("depth", queue, depth)
            for beat in beats:
                tally.sample("rss", beat.worker, max(0, beat.rss_bytes))
                tally.sample("cpu", beat.worker, max(0, round(beat.cpu_percent * 10)))

    def depths(self, queues: set[str]) -> dict[str, int]:
        """Queue -> messages waiting; nothing when the broker is no Redis."""
        broker = str(self._app.conf.broker_url or "")
        if not is_redis(broker):
            return {}
        if self._broker is None:
            self._broker = connect(broker)
        lists = {queue: waiting_lists(self._app, queue) for queue in sorted(queues)[:QUEUES_MAX]}
        pipe = self._broker.pipeline(transaction=False)
        for name in (name for names in lists.values() for name in names):
            pipe.llen(name)
        lengths = iter(pipe.execute())
        return {queue: sum(next(lengths) for _ in names) for queue, names in lists.items()}

    def beats(self) -> list[WorkerBeat]:
        """The last beats of the workers that are there."""
        client, keys = self._recorder.client, self._recorder.keys
        names: Any = client.zrevrange(keys.workers, 0, WORKERS_MAX - 1)
        raw: Any = client.mget([keys.worker(name.decode()) for name in names] or ["-"])
        beats = []
        for text in raw:
            try:
                beats.append(load(WorkerBeat, text or b""))
            except EventError:
                continue
        return beats
