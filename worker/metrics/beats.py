"""Beats on their way to Redis, in a thread: a Redis that hangs must not hold up the worker's loop.

Only the newest beat waits, and it waits for Redis alone: an old one would say nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, cast

import redis

from wire import keys as wire_keys
from wire.events import WorkerBeat, WorkerGone, dump, encode
from worker.metrics.automatic import AutomaticLimits
from worker.metrics.minutely import Minutely
from worker.metrics.recorder import SOCKET_SECONDS, Recorder

log = logging.getLogger(__name__)


class BeatSender:
    """Sends the beats of one worker, and does what goes with a beat."""

    def __init__(self, recorder: Recorder, minutely: Minutely, automatic: AutomaticLimits) -> None:
        self._recorder, self._minutely, self._automatic = recorder, minutely, automatic
        self._due = threading.Condition()
        self._next: WorkerBeat | None = None
        self._over = False
        self._at_work = False
        self._away = False
        self._thread: threading.Thread | None = None

    @property
    def is_idle(self) -> bool:
        """Whether every beat was sent, or has failed."""
        with self._due:
            return self._next is None and not self._at_work

    def send(self, beat: WorkerBeat) -> None:
        """Have a beat sent in place of one that still waits."""
        with self._due:
            if self._next is not None:
                self._recorder.note(dropped_beats=1)
            self._next, self._over = beat, False
            self._due.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="needle-beats", daemon=True)
                self._thread.start()

    def close(self, worker: str, at: float) -> None:
        """Say that the worker is gone on purpose; no beat follows."""
        with self._due:
            self._next, self._over = None, True
            self._due.notify()
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(SOCKET_SECONDS)
        keys = self._recorder.keys
        pipe = self._recorder.client.pipeline()
        pipe.delete(keys.worker(worker))
        pipe.zrem(keys.workers, worker)
        event = encode(WorkerGone(worker=worker, at=at))
        pipe.xadd(keys.events, cast(Any, event), maxlen=wire_keys.EVENTS_LENGTH)
        pipe.execute()

    def _run(self) -> None:
        while True:
            with self._due:
                self._at_work = False
                while self._next is None:
                    if self._over:
                        return
                    self._due.wait()
                beat, self._next = self._next, None
                self._at_work = True
            self._try(beat)

    def _try(self, beat: WorkerBeat) -> None:
        began = time.thread_time()
        try:
            self._write(beat)
            self._minutely.look(beat.worker)
            self._automatic.look(beat.worker)
            self._away = False
        except (redis.RedisError, OSError, ValueError) as error:
            self._recorder.note(dropped_beats=1)
            if not self._away:  # the recorder says it once, until it has written again
                self._away = True
                self._recorder.say_away(error)
                self._recorder.call_for_flush()
        except Exception:  # what one beat meets does not end the others
            log.exception("the worker's heartbeat failed")
        self._recorder.note(beat_us=round((time.thread_time() - began) * 1e6))

    def _write(self, beat: WorkerBeat) -> None:
        keys = self._recorder.keys
        pipe = self._recorder.client.pipeline()
        pipe.set(keys.worker(beat.worker), dump(beat), ex=wire_keys.WORKER_TTL)
        pipe.zadd(keys.workers, {beat.worker: beat.at})
        pipe.zremrangebyscore(keys.workers, 0, beat.at - wire_keys.WORKER_TTL)
        pipe.xadd(keys.events, cast(Any, encode(beat)), maxlen=wire_keys.EVENTS_LENGTH)
        # What an idle worker has counted stays as long as it lives.
        pipe.expire(keys.metrics_host(beat.worker), wire_keys.HOST_TTL)
        pipe.zadd(keys.metrics_hosts, {beat.worker: beat.at}, xx=True)
        pipe.execute()
