"""The part of Needle's worker that runs in its main process: the call to reconcile.

1. It never opens the catalog: SQLite must not be open in a process that forks.  What the pool is
   not free to do a process of its own does (`relief.py`).
2. It runs on the worker's own event loop, as the heartbeat (`worker.metrics.heartbeat`) does.
3. It never raises; Redis being away is the consumer's business, which reconnects.
"""

from __future__ import annotations

import logging
import time
from typing import Any, cast

import redis
from celery import bootsteps

from wire.names import SCAN_RECONCILE
from worker.relief import Relief
from worker.services import NeedleApp

log = logging.getLogger(__name__)

#: Seconds between two looks at what is to be done.
LOOK_SECONDS = 5.0
#: Seconds between two calls to reconcile while a scan is active or due, and while none is.
RECONCILE_SECONDS = 5
IDLE_RECONCILE_SECONDS = 60


class Steward(bootsteps.StartStopStep):
    """Looks while the worker is connected."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **kwargs: Any) -> None:
        super().__init__(consumer, **kwargs)
        self._timer: Any = None
        self._reconciled_at = float("-inf")
        self._greeted = False
        self._relief = Relief()

    def start(self, consumer: Any) -> None:
        """Begin looking: called at every (re)connection."""
        self._timer = consumer.timer.call_repeatedly(LOOK_SECONDS, self._look, (consumer,))
        self._look(consumer)

    def stop(self, consumer: Any) -> None:  # noqa: ARG002 - the name is Celery's
        """Stop looking: the connection is lost or the worker ends."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def shutdown(self, consumer: Any) -> None:
        """Say that the worker ends."""
        self.stop(consumer)
        app = cast(NeedleApp, consumer.app)
        app.services.progress.activity("worker.stopped", "system", target=consumer.hostname)

    def _look(self, consumer: Any) -> None:
        app, name = cast(NeedleApp, consumer.app), consumer.hostname
        self._relief.bury()
        try:
            self._call_reconcile(app, name)
        except redis.RedisError as error:
            log.warning("nobody was asked to reconcile: %s", error)
            return
        if not self._greeted:
            self._greeted = True
            app.services.progress.activity("worker.started", "system", target=name)

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
