"""What must be done although no pool process is free: all may hang on a disk that does not answer.

1. It runs in a short-lived process of its own, which the steward forks while nobody reconciles.
2. It touches no music folder: what hangs there would hang here.
3. Whatever it does may be done twice at once; the catalog decides.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time

from worker import control, pipeline, reconciler
from worker.catalog import queries
from worker.catalog.finish import finish_scan
from worker.services import Services

log = logging.getLogger(__name__)

#: Seconds after which it ends, done or not; the next one goes on where it was.
LIMIT_SECONDS = 60


def relieve(services: Services) -> None:
    """Carry out what was asked of the running scans, free what died, end what is done."""
    active = queries.active_scans(services.catalog)
    for scan in active:
        control.obey(services, scan.id)
    reconciler.reconcile(services)
    for scan in active:
        if finish_scan(services.catalog, scan.id, now=time.time()):
            reconciler.tell_end(services, scan.id)
        else:
            pipeline.publish(services, scan.id, always=True)


class Relief:
    """The process that relieves the pool, at most one at a time."""

    def __init__(self) -> None:
        self._pid = 0

    def start(self, services: Services) -> None:
        """Begin, unless the last one has not ended."""
        self.bury()
        if not self._pid:
            self._pid = os.fork()
            if not self._pid:
                _run(services)

    def bury(self) -> None:
        """Let go of the process when it has ended."""
        if self._pid:
            with contextlib.suppress(ChildProcessError):
                if os.waitpid(self._pid, os.WNOHANG) == (0, 0):
                    return
            self._pid = 0


def _run(services: Services) -> None:
    """The life of the process."""
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        signal.alarm(LIMIT_SECONDS)
        relieve(services)
    except Exception as error:
        log.warning("the pool was not relieved: %s", error)
    finally:
        os._exit(0)
