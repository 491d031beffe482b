"""A log file that several processes write and that is set aside when it has grown large.

1. A record is one write with O_APPEND: lines of different processes never mix.
2. Whoever finds the file too large renames it; the others see that and open the new one.
   Nothing is copied and no line is lost.
3. A log that cannot be written must not stop the work: what fails here is dropped.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

#: A log that is larger than this is set aside; two old ones are kept.
LOG_BYTES = 5_000_000
_Identity = tuple[int, int]


def set_aside(log: Path) -> None:
    """Rename a log: `x.log.1` is newer than `x.log.2`.  Raises OSError."""
    older, oldest = (log.with_name(f"{log.name}.{n}") for n in (1, 2))
    if older.exists():
        older.replace(oldest)
    log.replace(older)


def rotate(log: Path, most_bytes: int = LOG_BYTES) -> None:
    """Set a log aside when it has grown large.  Raises OSError."""
    if log.exists() and log.stat().st_size >= most_bytes:
        set_aside(log)


class LogFile:
    """The file at `path`, for one process and those it forks."""

    def __init__(self, path: Path, most_bytes: int = LOG_BYTES) -> None:
        """Open or make it.  Raises OSError."""
        self._path, self._most_bytes = path, most_bytes
        self._descriptor = -1
        self._identity: _Identity = (-1, -1)
        self._open()

    def write(self, data: bytes) -> None:
        """Append one record, which ends with a newline."""
        with contextlib.suppress(OSError):
            if _identity_at(self._path) != self._identity:
                self._open()
            elif os.fstat(self._descriptor).st_size + len(data) > self._most_bytes:
                self._set_aside()
        with contextlib.suppress(OSError):
            os.write(self._descriptor, data)

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, 0o600)
        old, before = self._descriptor, self._identity
        self._descriptor, self._identity = descriptor, _identity(os.fstat(descriptor))
        if old < 0:
            return
        os.close(old)
        for stream in (1, 2):  # what else this process says goes on in the new file as well
            with contextlib.suppress(OSError):
                if _identity(os.fstat(stream)) == before:
                    os.dup2(descriptor, stream)

    def _set_aside(self) -> None:
        """Rename the file unless another process has done so; then use the new one."""
        # A descriptor of its own: the others share theirs, and so their locks, with forks.
        lock = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _identity(os.fstat(lock)) == self._identity == _identity_at(self._path):
                set_aside(self._path)
        finally:
            os.close(lock)
        self._open()


def _identity(status: os.stat_result) -> _Identity:
    return status.st_dev, status.st_ino


def _identity_at(path: Path) -> _Identity | None:
    try:
        return _identity(path.stat())
    except FileNotFoundError:
        return None
