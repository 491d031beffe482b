"""Pool processes must not outlive their worker, even when it is killed with SIGKILL.

The main process holds the write end of a pipe for as long as it lives.  Every pool process
closes its copy and waits in a thread for the end of file: no polling, any platform.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

from celery.signals import worker_init, worker_process_init


def _die_at_end_of_file(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    os.kill(os.getpid(), signal.SIGKILL)


def die_with_main_process() -> None:
    """Arrange it for the pool processes of a worker in this process."""
    ends: list[int] = []

    def open_pipe(**_: Any) -> None:
        ends.extend(os.pipe())

    def watch_pipe(**_: Any) -> None:
        if ends:
            read_end, write_end = ends
            os.close(write_end)
            thread = threading.Thread(target=_die_at_end_of_file, args=(read_end,), daemon=True)
            thread.start()

    worker_init.connect(open_pipe, weak=False)
    worker_process_init.connect(watch_pipe, weak=False)
