"""A disk that hangs: `python -m tests.faults.hanging SOURCE TARGET` shows a folder through FUSE.

SIGUSR1: it takes requests and answers none; whoever reads then waits in the kernel, and no signal
ends the waiting.  SIGUSR2: it answers again, what has waited first.  Read only.  It speaks to the
kernel itself (linux/fuse.h), because no FUSE library is among the packages of the tests.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import stat
import struct
import sys
from collections.abc import Callable

LOOKUP, FORGET, GETATTR, READLINK, OPEN, READ, STATFS, RELEASE = 1, 2, 3, 5, 14, 15, 17, 18
FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, ACCESS, INTERRUPT = 25, 26, 27, 28, 29, 34, 36
BATCH_FORGET = 42
WITHOUT_ANSWER = {FORGET, INTERRUPT, BATCH_FORGET}

_HEADER = struct.Struct("<IIQQIIIHH")
_ATTRIBUTES = struct.Struct("<6Q10I")
_REQUEST_BYTES = (1 << 20) + 4096
_DIRECT_IO = 1  #: without the kernel's cache: every read is asked for
#: What is answered whatever is asked.
_FIXED = {
    INIT: struct.pack("<4I2H2I2H2I24x", 7, 31, 0, 0, 8, 6, 4096, 1, 1, 0, 0, 0),
    OPEN: struct.pack("<QIi", 0, _DIRECT_IO, 0),
    OPENDIR: struct.pack("<QIi", 0, 0, 0),
    STATFS: struct.pack("<5Q4I24x", 0, 0, 0, 0, 0, 4096, 255, 4096, 0),
    RELEASE: b"",
    RELEASEDIR: b"",
    FLUSH: b"",
    ACCESS: b"",
}


class Disk:
    """The folder, by the numbers that the kernel knows its entries by."""

    def __init__(self, source: str, device: int) -> None:
        self._device = device
        self._paths: dict[int, bytes] = {1: os.fsencode(source)}
        self._numbers = {path: number for number, path in self._paths.items()}
        self._hangs = False
        self._held: list[bytes] = []
        self._answers: dict[int, Callable[[bytes, bytes], bytes]] = {
            LOOKUP: self._lookup,
            GETATTR: self._tell,
            READLINK: lambda path, _: os.readlink(path),
            READ: self._read,
            READDIR: self._list,
        }

    def serve(self) -> None:
        """Answer until it is unmounted."""
        while True:
            try:
                request = os.read(self._device, _REQUEST_BYTES)
            except OSError as error:
                if error.errno == errno.ENOENT:  # whoever asked was killed
                    continue
                return
            if self._hangs:
                self._held.append(request)
            else:
                self._answer(request)

    def hang(self) -> None:
        self._hangs = True

    def go_on(self) -> None:
        self._hangs = False
        held, self._held = self._held, []
        for request in held:
            self._answer(request)

    def _answer(self, request: bytes) -> None:
        _, operation, unique, number, *_ = _HEADER.unpack_from(request)
        if operation in WITHOUT_ANSWER:
            return
        data, failure = _FIXED.get(operation), 0
        if data is None:
            data, failure = self._ask(operation, number, request[_HEADER.size :])
        try:
            os.write(self._device, struct.pack("<IiQ", 16 + len(data), -failure, unique) + data)
        except OSError as error:
            if error.errno != errno.ENOENT:  # nobody waits for it any more
                raise

    def _ask(self, operation: int, number: int, body: bytes) -> tuple[bytes, int]:
        if operation not in self._answers:
            return b"", errno.ENOSYS
        try:
            return self._answers[operation](self._paths[number], body), 0
        except OSError as error:
            return b"", error.errno or errno.EIO

    def _number(self, path: bytes) -> int:
        number = self._numbers.setdefault(path, len(self._numbers) + 1)
        self._paths[number] = path
        return number

    def _lookup(self, path: bytes, body: bytes) -> bytes:
        path = os.path.join(path, body.rstrip(b"\0"))
        attributes = self._attributes(path)
        return struct.pack("<4QII", self._number(path), 0, 0, 0, 0, 0) + attributes

    def _tell(self, path: bytes, _body: bytes) -> bytes:
        return struct.pack("<QII", 0, 0, 0) + self._attributes(path)

    def _attributes(self, path: bytes) -> bytes:
        told = os.lstat(path)
        times = (told.st_atime_ns, told.st_mtime_ns, told.st_ctime_ns)
        return _ATTRIBUTES.pack(
            told.st_ino, told.st_size, told.st_blocks, *(ns // 10**9 for ns in times),
            *(ns % 10**9 for ns in times), told.st_mode, told.st_nlink, told.st_uid, told.st_gid,
            0, 4096, 0,
        )  # fmt: skip

    def _read(self, path: bytes, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", body)
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(size)

    def _list(self, path: bytes, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", body)
        data = b""
        for place, name in enumerate(sorted(os.listdir(path))[offset:], offset + 1):
            kind = stat.S_IFMT(os.lstat(os.path.join(path, name)).st_mode) >> 12
            entry = struct.pack("<QQII", place, place, len(name), kind) + name
            entry += bytes(-len(entry) % 8)
            if len(data) + len(entry) > size:
                break
            data += entry
        return data


def main(source: str, target: str) -> None:
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"needle", os.fsencode(target), b"fuse", 0, options.encode()):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    disk = Disk(source, device)
    signal.signal(signal.SIGUSR1, lambda *_: disk.hang())
    signal.signal(signal.SIGUSR2, lambda *_: disk.go_on())
    disk.serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
