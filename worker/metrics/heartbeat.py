"""A worker's sign of life, from its main process, every few seconds.

1. It is taken on the worker's own event loop: one that hangs is silent.  Only a solo pool, whose
   tasks block that loop, beats from a thread: a worker that is busy is not down.
2. It never raises and does no I/O there: `worker.metrics.beats` sends it.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter
from importlib import metadata
from typing import Any

import psutil
import redis
from celery import bootsteps
from celery.worker import state

from wire.events import RunningTask, WorkerBeat
from wire.fields import LABEL_CHARS
from worker.metrics.automatic import AutomaticLimits
from worker.metrics.beats import BeatSender
from worker.metrics.minutely import Minutely
from worker.metrics.recorder import Recorder
from worker.metrics.resources import ResourceMeter

log = logging.getLogger(__name__)

#: Its stubs lag behind it.
worker_state: Any = state

BEAT_SECONDS = 5.0
#: Running tasks that a beat names.
RUNNING_SHOWN = 16


class Heartbeat(bootsteps.StartStopStep):
    """Beats while the worker is connected; `install` adds it to an application."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **kwargs: Any) -> None:
        super().__init__(consumer, **kwargs)
        self._recorder: Recorder = consumer.app.needle_metrics.recorder
        consumer.app.needle_metrics.say_goodbye = lambda: self.shutdown(consumer)
        self._timer: Any = None
        self._meter = ResourceMeter()
        self._sender = BeatSender(
            self._recorder,
            Minutely(consumer.app, self._recorder),
            AutomaticLimits(self._recorder),
        )
        self._started_at, self._version = time.time(), _version()
        self._done, self._done_at = 0, time.time()

    def start(self, consumer: Any) -> None:
        """Begin beating: called at every (re)connection."""
        if _kind(consumer.pool) == "solo":
            self._timer = _Thread(lambda: self._beat(consumer))
        else:
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
        try:
            self._sender.close(consumer.hostname, time.time())
        except (redis.RedisError, OSError, ValueError) as error:
            log.info("Redis did not hear that this worker ends: %s", error)

    def _beat(self, consumer: Any) -> None:
        began = time.thread_time()
        try:
            self._sender.send(self._describe(consumer))
        except Exception:  # a worker does not end because it cannot be described
            log.exception("the worker's heartbeat failed")
        self._recorder.note(beat_us=round((time.thread_time() - began) * 1e6))

    def _describe(self, consumer: Any) -> WorkerBeat:
        app, pool = consumer.app, consumer.pool
        autoscaler = getattr(consumer.controller, "autoscaler", None)
        took = self._meter.look()
        active = sorted(worker_state.active_requests, key=_began)
        held = worker_state.reserved_requests
        oldest = _began(active[0]) if active else None
        return WorkerBeat(
            worker=consumer.hostname,
            pid=os.getpid(),
            at=time.time(),
            started_at=self._started_at,
            interval_seconds=BEAT_SECONDS,
            queues=tuple(queue.name for queue in consumer.task_consumer.queues),
            processes=pool.num_processes,
            processes_max=autoscaler.max_concurrency if autoscaler else pool.num_processes,
            processes_min=autoscaler.min_concurrency if autoscaler else pool.num_processes,
            pool=_kind(pool),
            prefetch=consumer.qos.value if consumer.qos else 0,
            busy=len(active),
            reserved=max(0, len(held) - len(active)),
            scheduled=len(worker_state.scheduled_requests),
            active=dict(Counter(request.name[:LABEL_CHARS] for request in active)),
            registered=sum(not name.startswith("celery.") for name in app.tasks),
            oldest_running_at=oldest,
            done_at=self._look_at_done(len(active)),
            rss_bytes=took.rss_bytes,
            cpu_percent=took.cpu_percent,
            system_processes=took.processes,
            disk_read_bytes=took.disk_read_bytes,
            disk_written_bytes=took.disk_written_bytes,
            memory_total_bytes=psutil.virtual_memory().total,
            cores=os.cpu_count() or 1,
            tasks_done=self._done,
            running=tuple(
                RunningTask(r.id, r.name, _began(r), r.worker_pid or 0)
                for r in active[:RUNNING_SHOWN]
            ),
            args_limit=app.amqp.argsrepr_maxsize,
            kwargs_limit=app.amqp.kwargsrepr_maxsize,
            version=self._version,
        )

    def _look_at_done(self, active: int) -> float:
        """When a task has ended last: within a beat."""
        done = max(0, sum(worker_state.total_count.values()) - active)
        if done != self._done:
            self._done, self._done_at = done, time.time()
        return self._done_at


class _Thread:
    """Calls a function every `BEAT_SECONDS` until it is cancelled."""

    def __init__(self, function: Any) -> None:
        self._over = threading.Event()
        self._function = function
        threading.Thread(target=self._run, name="needle-heartbeat", daemon=True).start()

    def cancel(self) -> None:
        """No more calls."""
        self._over.set()

    def _run(self) -> None:
        while not self._over.wait(BEAT_SECONDS):
            self._function()


def _kind(pool: Any) -> str:
    """The pool's name as Celery's `--pool` has it."""
    name = type(pool).__module__.rpartition(".")[2]
    return "threads" if name == "thread" else name


def _began(request: Any) -> float:
    """When a request was accepted by the pool, epoch seconds."""
    return float(request.time_start or time.time())


def _version() -> str:
    """Of Needle in this worker; "" where its files were not installed as a package."""
    try:
        return metadata.version("needle")
    except metadata.PackageNotFoundError:
        return ""
