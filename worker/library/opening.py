"""Opening what lies below the library's root, however long its path is, and never outside.

The kernel takes 4,096 bytes of path at a time; a longer one is opened in several hops.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, BinaryIO

from worker.library.model import Signature

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: Bytes of path given to the kernel at once: PATH_MAX is 4,096 on Linux and 1,024 on macOS.
HOP_BYTES = 1000 if os.uname().sysname == "Darwin" else 4000

#: What a time of a file is cut to.
MAX_TIME_NS = (1 << 63) - 1

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
#: Without O_NONBLOCK the open of a FIFO would wait for a writer for ever.
FILE_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW


def open_below(root_fd: int, path: bytes, flags: int) -> int:
    """Open `path`, relative to the folder `root_fd`; b"" is that folder.  Raises OSError."""
    folder_fd = root_fd
    try:
        while (cut := path.rfind(b"/", 0, HOP_BYTES)) > 0 and len(path) > HOP_BYTES:
            hop_fd = os.open(path[:cut], FOLDER_FLAGS, dir_fd=folder_fd)
            if folder_fd != root_fd:
                os.close(folder_fd)
            folder_fd, path = hop_fd, path[cut + 1 :]
        return os.open(path or b".", flags, dir_fd=folder_fd)
    finally:
        if folder_fd != root_fd:
            os.close(folder_fd)


def buffered(fd: int, name: bytes, buffer_bytes: int) -> BinaryIO:
    """The open file `fd` as a file object called `name`; `fd` stays open when it is closed."""
    raw = _CountingFile(fd, closefd=False)
    raw.name = os.fsdecode(name)
    return _BoundedReader(raw, buffer_bytes)


#: Bytes that are asked for without a look at how many there are.
_FEW_BYTES = 1 << 20


class _BoundedReader(io.BufferedReader):
    """A file that sets no memory aside for more than it holds: parsers ask for what headers say."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _FEW_BYTES:
            size = min(size, max(os.fstat(self.fileno()).st_size - self.tell(), 0))
        return super().read(size)


class _CountingFile(io.FileIO):
    """A file that knows where it stands: parsers ask at every step, and each would be a syscall."""

    _position = 0

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        count = super().readinto(buffer)
        self._position += count or 0
        return count

    def readall(self) -> bytes:
        data = super().readall()
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._position = super().seek(offset, whence)
        return self._position

    def tell(self) -> int:
        return self._position


def resolve_below(real_root: bytes, path: bytes) -> bytes | None:
    """Where `path` leads when all links are followed, relative to `real_root`.

    None when that is outside of the root, does not exist, or cannot be told.
    """
    try:
        target = os.path.realpath(os.path.join(real_root, path), strict=True)
    except (OSError, ValueError):
        return None
    if target == real_root:
        return b""
    prefix = real_root.rstrip(b"/") + b"/"
    return target[len(prefix) :] if target.startswith(prefix) else None


def signature_of(status: os.stat_result) -> Signature:
    """The signature in `status`; times beyond 64 bits, which file systems can hold, wrap."""
    return Signature(
        status.st_size, status.st_mtime_ns & MAX_TIME_NS, status.st_ctime_ns & MAX_TIME_NS
    )
