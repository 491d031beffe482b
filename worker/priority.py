"""Scans give way: pool processes run when nothing else wants the CPU or the disk."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

import psutil
from celery.signals import worker_process_init

LOWEST_NICE = 19


def give_way() -> None:
    """Let the pool processes of a worker in this process have the lowest priority.

    The main process keeps its own: its heartbeat must not wait behind other programs.
    """

    def lower(**_: Any) -> None:
        # A sandbox may forbid either: then the scan runs as it would without.
        with contextlib.suppress(OSError, psutil.Error):
            os.nice(LOWEST_NICE)
        if sys.platform == "linux":
            with contextlib.suppress(OSError, psutil.Error):
                psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)

    worker_process_init.connect(lower, weak=False)
