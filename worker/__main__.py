"""`python -m worker`: the unified worker, as its settings ask for it.

It is started through Celery's Python interface: the command line alone would cost 10 MB.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
from typing import Any

from celery.signals import worker_shutting_down

from wire.names import QUEUE_NAMES
from wire.settings import SettingsError

#: Loggers that write two lines a task at INFO: too much for an SD card.
CHATTY = ("celery.worker.strategy", "celery.app.trace")
#: Seconds that a worker whose broker refuses it may take to end.
FAILED_SECONDS = 5.0
#: Seconds that a worker which was asked to end may wait for its tasks.  Celery's warm shutdown
#: sometimes waits for ever; what is cut off here is taken up again from the journal.
GRACE_SECONDS = 8.0


def end_within(seconds: float, exitcode: int) -> None:
    """End this process after `seconds`, whatever it waits for; its pool ends with it."""
    end = threading.Timer(seconds, os._exit, (exitcode,))
    end.daemon = True
    end.start()


def main() -> int:
    """Run the worker until it is told to stop; the exit code."""
    try:
        from worker.app import app
    except SettingsError as error:
        print(f"needle worker: {error}", file=sys.stderr)  # noqa: T201 - logging is not set up yet
        return 2
    settings = app.services.settings
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)

    class Worker(app.Worker):  # type: ignore[misc, name-defined]
        """Celery's worker, which after an error may wait for ever for its pool: this one ends."""

        def stop(self, in_sighandler: bool = False, exitcode: int | None = None) -> Any:
            if exitcode:
                end_within(FAILED_SECONDS, exitcode)
            return super().stop(in_sighandler=in_sighandler, exitcode=exitcode)

    def end_in_time(**_: Any) -> None:
        end_within(GRACE_SECONDS, 0)

    worker_shutting_down.connect(end_in_time)
    worker = Worker(
        hostname=f"{settings.name}@{socket.gethostname()}",
        # In this order they are drained: see `wire.names`.
        queues=[name for name in QUEUE_NAMES if name in settings.queues],
        autoscale=(settings.processes, 1),
        loglevel=settings.log_level,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    worker.start()
    return int(worker.exitcode or 0)


if __name__ == "__main__":
    sys.exit(main())
