"""Dying on request, so that tests can kill a worker process at every step of a scan."""

from __future__ import annotations

import os
import signal
from typing import Any, cast

from worker.services import Services


def step(services: Services) -> None:
    """Count one step; die as if by SIGKILL when it is the one that a test asked for.

    Steps are counted in Redis over all processes, so a step that is taken again after the death
    has a higher number.  Does nothing unless `NEEDLE_CRASH_STEPS` is true.
    """
    if services.settings.crash_steps:
        prefix = services.keys.prefix
        number = services.redis.incr(f"{prefix}:steps")
        if services.redis.get(f"{prefix}:crash_at") == str(number).encode():
            _die()


def at_file(services: Services, path: bytes) -> None:
    """Die when this is a file that a test has named as deadly."""
    prefix = services.keys.prefix
    if services.settings.crash_steps and services.redis.sismember(
        f"{prefix}:deadly", cast(Any, path)
    ):
        _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
