"""The worker's life: Celery's worker, with our logging, and ended in bounded time."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import warnings
from types import FrameType
from typing import Any

from celery import Celery
from celery.exceptions import CPendingDeprecationWarning, SecurityWarning
from celery.signals import setup_logging, worker_shutting_down

from wire.names import QUEUE_NAMES
from worker.metrics.logs import log_tasks
from worker.services import NeedleApp

#: Writes a line for each task that is received: too much for an SD card.
CHATTY = "celery.worker.strategy"
#: Seconds that a worker whose broker refuses it may take to end.
FAILED_SECONDS = 5.0
#: Seconds that a worker which was asked to end may wait for its tasks.  Celery's warm shutdown
#: sometimes waits for ever; what is cut off here is taken up again from the journal.
GRACE_SECONDS = 8.0
#: Seconds of those that are left for a goodbye, when Celery did not come to say it.
GOODBYE_SECONDS = 1.0

log = logging.getLogger(__name__)


def end_within(seconds: float, exitcode: int) -> None:
    """End this process after `seconds`, whatever it waits for; its pool ends with it."""
    end = threading.Timer(seconds, os._exit, (exitcode,))
    end.daemon = True
    end.start()


def keep_our_logging(app: Celery, *, every_task: bool) -> None:
    """Have Celery log as everything else does, and tasks by records of their own."""
    setup_logging.connect(lambda **_: None, weak=False)  # a receiver keeps Celery from doing it
    logging.getLogger(CHATTY).setLevel(logging.WARNING)
    app.log.redirect_stdouts_to_logger(logging.getLogger("stdout"), loglevel=logging.WARNING)
    log_tasks(app, every_task=every_task)


def serve(app: NeedleApp) -> int:
    """Run the worker until it is told to stop; the exit code."""
    settings = app.services.settings
    keep_our_logging(app, every_task=settings.log_tasks or settings.logs.level == "DEBUG")

    class Worker(app.Worker):  # type: ignore[misc, name-defined]
        """Celery's worker, which after an error may wait for ever for its pool: this one ends."""

        def stop(self, in_sighandler: bool = False, exitcode: int | None = None) -> Any:
            if exitcode:
                end_within(FAILED_SECONDS, exitcode)
            return super().stop(in_sighandler=in_sighandler, exitcode=exitcode)

        def install_platform_tweaks(self, worker: Any) -> None:
            super().install_platform_tweaks(worker)
            celerys: Any = signal.getsignal(signal.SIGQUIT)

            def quit_in_time(number: int, frame: FrameType | None) -> None:
                # Celery tells that it quits after it has taken back what runs, for which it may
                # wait for ever.
                end_in_time()
                celerys(number, frame)

            signal.signal(signal.SIGQUIT, quit_in_time)

    def end_in_time(**_: Any) -> None:
        end_within(GRACE_SECONDS, 0)
        goodbye = threading.Timer(GRACE_SECONDS - GOODBYE_SECONDS, app.needle_metrics.say_goodbye)
        goodbye.daemon = True
        goodbye.start()

    worker_shutting_down.connect(end_in_time)
    _warn_of_root()
    worker = Worker(
        hostname=f"{settings.name}@{socket.gethostname()}",
        # In this order they are drained: see `wire.names`.
        queues=[name for name in QUEUE_NAMES if name in settings.queues],
        autoscale=(settings.processes, 1),
        loglevel=settings.logs.level,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,  # its banner would be no line of the log
    )
    # At each loss of Redis Celery tells in a paragraph of a default of its next version.  Only now,
    # for its own start asks for all such warnings.
    warnings.filterwarnings("ignore", category=CPendingDeprecationWarning)
    worker.start()
    return int(worker.exitcode or 0)


def _warn_of_root() -> None:
    """One line in place of Celery's paragraph."""
    warnings.filterwarnings("ignore", category=SecurityWarning)
    if os.geteuid() == 0:
        log.warning("the worker runs as root, which it need not: to read the music is enough")
