"""No process may outlive its worker, even when that is killed with SIGKILL.

The main process holds the write end of a pipe for as long as it lives.  Every process it forks
closes its copy and waits in a thread for the end of file: no polling, any platform.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

from celery.signals import worker_init


def _die_at_end_of_file(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    os.kill(os.getpid(), signal.SIGKILL)


def die_with_main_process() -> None:
    """Arrange it for the processes that a worker in this process forks."""

    def open_pipe(**_: Any) -> None:
        read_end, write_end = os.pipe()
        main = os.getpid()

        def watch_pipe() -> None:
            if os.getppid() == main:
                os.close(write_end)
                thread = threading.Thread(target=_die_at_end_of_file, args=(read_end,), daemon=True)
                thread.start()

        os.register_at_fork(after_in_child=watch_pipe)

    worker_init.connect(open_pipe, weak=False)
