"""One `needle up` per data folder: the folder, its lock, and where the running one answers.

The lock is an flock whose descriptor every part inherits.  It is free again only when `needle up`
and all its parts are gone, however they ended, so two servers never write one append-only file.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from cli.terminal import Failure, shown

LOCK_NAME = "needle.lock"
RECORD_NAME = "instance.json"
#: Seconds that the parts of a killed `needle up` get to notice and end.
LEFTOVERS_SECONDS = 12.0


@dataclass(frozen=True, slots=True)
class Instance:
    """A running `needle up`."""

    pid: int
    url: str  #: address of the page


def prepare(data: Path) -> None:
    """Make the data folder and those in it, readable by nobody else.  Raises Failure."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("redis", "logs"):
            (data / name).mkdir(mode=0o700, exist_ok=True)
        probe = data / ".writable"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise Failure(
            f"cannot write to the data folder {shown(str(data))}: {error.strerror}"
        ) from None


@contextlib.contextmanager
def locked(data: Path) -> Iterator[int]:
    """Hold the data folder; gives the descriptor that the parts must inherit.

    Raises:
        Failure: another `needle up` has it.
    """
    descriptor = os.open(data / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + LEFTOVERS_SECONDS
        while not _try_lock(descriptor):
            other = running(data)
            if other is not None:
                raise Failure(
                    f"Needle already runs on {shown(str(data))}: {other.url} (pid {other.pid})"
                )
            if time.monotonic() > deadline:
                raise Failure(
                    f"another `needle up` is starting or ending on {shown(str(data))}: "
                    "try again in a moment"
                )
            time.sleep(0.2)
        yield descriptor
    finally:
        os.close(descriptor)


def record(data: Path, instance: Instance) -> None:
    """Write down where Needle answers, for `needle scan` and a second `needle up`."""
    temporary = data / (RECORD_NAME + ".new")
    temporary.write_text(json.dumps(asdict(instance)))
    temporary.replace(data / RECORD_NAME)


def forget(data: Path) -> None:
    """Undo `record`."""
    (data / RECORD_NAME).unlink(missing_ok=True)


def running(data: Path) -> Instance | None:
    """The `needle up` that runs on the data folder, None when there is none."""
    try:
        known = json.loads((data / RECORD_NAME).read_text())
        instance = Instance(pid=int(known["pid"]), url=str(known["url"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    try:
        os.kill(instance.pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:  # alive, and somebody else's
        pass
    return instance


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
