"""One `needle up` per data folder: the folder, its lock, and where the running one answers.

Two flocks.  One is held by `needle up` itself: it tells whether that runs.  The descriptor of the
other is inherited by every part: it is free only when all parts are gone, however they ended, so
two servers never write one append-only file.
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

LOCK_NAME, PARTS_LOCK_NAME = "needle.lock", "parts.lock"
RECORD_NAME = "instance.json"
#: Seconds that the parts of a killed `needle up` get to notice and end.
LEFTOVERS_SECONDS = 12.0


@dataclass(frozen=True, slots=True)
class Instance:
    """A running `needle up`."""

    pid: int
    url: str  #: of the page, for programs on this machine
    address: str = ""  #: of the page, for people: in the local network with `--lan`
    certificate: str = ""  #: file, when the page is served by HTTPS
    redis: str = ""  #: address of its private server, with the password if it needs one


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
        Failure: another `needle up` has it, or parts of a killed one do not end.
    """
    with _open(data / LOCK_NAME) as lock, _open(data / PARTS_LOCK_NAME) as parts_lock:
        if not _lock(lock, seconds=1):  # `running` may hold it for a moment
            other = running(data)
            where = f": {other.url} (pid {other.pid})" if other else ""
            raise Failure(f"Needle already runs on {shown(str(data))}{where}")
        if not _lock(parts_lock, seconds=LEFTOVERS_SECONDS):
            raise Failure(
                f"parts of an earlier `needle up` still run on {shown(str(data))}: "
                f"`lsof {shown(str(data / PARTS_LOCK_NAME))}` lists them"
            )
        yield parts_lock


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
        with _open(data / LOCK_NAME, os.O_RDONLY) as lock:
            if _lock(lock, fcntl.LOCK_SH):
                return None
        known = json.loads((data / RECORD_NAME).read_text())
        more = {name: str(known.get(name, "")) for name in ("address", "certificate", "redis")}
        return Instance(pid=int(known["pid"]), url=str(known["url"]), **more)
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextlib.contextmanager
def _open(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> Iterator[int]:
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, kind: int = fcntl.LOCK_EX, *, seconds: float = 0.0) -> bool:
    """Whether the lock was had within `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.1)
        else:
            return True
