"""The part of a worker that runs in its main process: its heartbeat, and the call to reconcile.

1. It never opens the catalog: SQLite must not be open in a process that forks.  What the pool is
   not free to do a process of its own does (`relief.py`).
2. It runs on the worker's own event loop, so it uses no thread that a fork could tear apart.
3. It never raises; Redis being away is the consumer's business, which reconnects.
"""

from __future__ import annotations

import logging
import os
import time
from typing import Any, cast

import psutil
import redis
from celery import bootsteps
from celery.worker import state as worker_state

from wire import keys as wire_keys
from wire.events import RunningTask, WorkerBeat, WorkerGone, dump, encode
from wire.names import SCAN_RECONCILE
from worker.relief import Relief
from worker.services import NeedleApp

log = logging.getLogger(__name__)

BEAT_SECONDS = 5.0
#: Seconds between two calls to reconcile while a scan is active or due, and while none is.
RECONCILE_SECONDS = 5
IDLE_RECONCILE_SECONDS = 60


class Steward(bootsteps.StartStopStep):
    """Beats while the worker is connected."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **kwargs: Any) -> None:
        super().__init__(consumer, **kwargs)
        self._timer: Any = None
        self._process = psutil.Process()
        self._started_at = time.time()
        self._cpu_before: tuple[float, float] = (time.monotonic(), 0.0)
        self._reconciled_at = float("-inf")
        self._greeted = False
        self._relief = Relief()

    def start(self, consumer: Any) -> None:
        """Begin beating: called at every (re)connection."""
        self._timer = consumer.timer.call_repeatedly(BEAT_SECONDS, self._beat, (consumer,))
        self._beat(consumer)

    def stop(self, consumer: Any) -> None:  # noqa: ARG002 - the name is Celery's
        """Stop beating: the connection is lost or the worker ends."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def shutdown(self, consumer: Any) -> None:
        """Say that the worker is gone on purpose."""
        self.stop(consumer)
        app, name = cast(NeedleApp, consumer.app), consumer.hostname
        keys, client = app.services.keys, app.services.redis
        try:
            pipe = client.pipeline()
            pipe.delete(keys.worker(name))
            pipe.zrem(keys.workers, name)
            event = encode(WorkerGone(worker=name, at=time.time()))
            pipe.xadd(keys.events, cast(Any, event), maxlen=wire_keys.EVENTS_LENGTH)
            pipe.execute()
        except redis.RedisError as error:
            log.info("Redis did not hear that this worker ends: %s", error)
        app.services.progress.activity("worker.stopped", "system", target=name)

    def _beat(self, consumer: Any) -> None:
        app = cast(NeedleApp, consumer.app)
        keys, client = app.services.keys, app.services.redis
        self._relief.bury()
        beat = self._describe(consumer)
        try:
            pipe = client.pipeline()
            pipe.set(keys.worker(beat.worker), dump(beat), ex=wire_keys.WORKER_TTL)
            pipe.zadd(keys.workers, {beat.worker: beat.at})
            pipe.zremrangebyscore(keys.workers, 0, beat.at - wire_keys.WORKER_TTL)
            pipe.xadd(keys.events, cast(Any, encode(beat)), maxlen=wire_keys.EVENTS_LENGTH)
            pipe.execute()
            self._call_reconcile(app, beat.worker)
        except redis.RedisError as error:
            log.warning("the worker's heartbeat did not reach Redis: %s", error)
            return
        if not self._greeted:
            self._greeted = True
            app.services.progress.activity("worker.started", "system", target=beat.worker)

    def _call_reconcile(self, app: NeedleApp, name: str) -> None:
        """Ask for a reconciliation when it is this worker's turn and none is waiting."""
        services = app.services
        keys, client = services.keys, services.redis
        emptied = not client.exists(keys.restored)
        active = client.hlen(keys.active) or client.hlen(keys.changed) or emptied
        seconds = RECONCILE_SECONDS if active else IDLE_RECONCILE_SECONDS
        if self._greeted and time.monotonic() - self._reconciled_at < seconds - 0.5:
            return
        turn = client.set(keys.steward, name, nx=True, px=RECONCILE_SECONDS * 1000 - 500)
        if not self._greeted or (turn and not client.llen("scan")):
            self._reconciled_at = time.monotonic()
            services.sender.send(app, SCAN_RECONCILE, expires=30, starting=not self._greeted)
        if self._greeted and turn and active and not client.exists(keys.reconciled):
            self._relief.start(services)

    def _describe(self, consumer: Any) -> WorkerBeat:
        pool, autoscaler = consumer.pool, getattr(consumer.controller, "autoscaler", None)
        rss, cpu_percent = self._resources()
        running = tuple(
            RunningTask(r.id, r.name, _epoch(r.time_start), r.worker_pid or 0)
            for r in list(worker_state.active_requests)[:16]
        )
        return WorkerBeat(
            worker=consumer.hostname,
            pid=os.getpid(),
            at=time.time(),
            started_at=self._started_at,
            interval_seconds=BEAT_SECONDS,
            queues=tuple(queue.name for queue in consumer.task_consumer.queues),
            processes=pool.num_processes,
            processes_max=autoscaler.max_concurrency if autoscaler else pool.num_processes,
            busy=len(worker_state.active_requests),
            rss_bytes=rss,
            cpu_percent=cpu_percent,
            tasks_done=sum(worker_state.total_count.values()),
            running=running,
        )

    def _resources(self) -> tuple[int, float]:
        """Resident bytes and percent of one core, main process and pool together."""
        rss, cpu = 0, 0.0
        for process in (self._process, *self._process.children()):
            try:
                with process.oneshot():
                    rss += process.memory_info().rss
                    times = process.cpu_times()
                    cpu += times.user + times.system
            except psutil.Error:
                continue  # it ended meanwhile
        now = time.monotonic()
        (then, cpu_then), self._cpu_before = self._cpu_before, (now, cpu)
        seconds = now - then
        return rss, round(max(0.0, cpu - cpu_then) / seconds * 100, 1) if seconds > 1 else 0.0


def _epoch(monotonic: float | None) -> float:
    """A moment that Celery gives in monotonic seconds, as epoch seconds."""
    return time.time() if monotonic is None else time.time() - (time.monotonic() - monotonic)
