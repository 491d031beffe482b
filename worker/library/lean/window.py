"""A file as bytes by offset, and what a lean reader makes of it."""

from __future__ import annotations

import os
from typing import NamedTuple

from worker.library.sources import Source

#: Bytes that are read of every file at first: what most files' tags fit into.
HEAD_BYTES = 16 << 10
#: Bytes that are read at least, wherever else something is looked for.
PIECE_BYTES = 8 << 10
#: Bytes of one piece, at most: whatever wants more is odd.
MAX_PIECE_BYTES = 4 << 20


class Odd(Exception):  # noqa: N818 - no fault: mutagen reads the file instead
    """Not to be read in the short way."""


class Stream(NamedTuple):
    """The stream in a file, under the names that mutagen's own objects have."""

    length: float
    bitrate: int
    channels: int
    sample_rate: int | None = None
    bits_per_sample: int | None = None
    codec: str = ""
    layer: int = 3
    encoder_info: str = ""


class Lean(NamedTuple):
    """What a file says of itself."""

    reader: str  #: the type of mutagen's that would have read it
    source: Source
    stream: Stream


class Window:
    """An open file of `size` bytes, of which one piece at a time is in memory."""

    __slots__ = ("_data", "_fd", "_start", "head", "size")

    def __init__(self, fd: int, size: int) -> None:
        self._fd, self.size = fd, size
        self.head = self._data = os.pread(fd, HEAD_BYTES, 0)
        self._start = 0

    def at(self, offset: int, count: int) -> bytes:
        """The `count` bytes at `offset`.  Raises Odd when the file ends before."""
        data = self.up_to(offset, count)
        if len(data) < count:
            raise Odd("the file ends early")
        return data

    def up_to(self, offset: int, count: int) -> bytes:
        """At most `count` bytes from `offset`: fewer only at the end of the file."""
        begin = offset - self._start
        if begin < 0 or begin + count > len(self._data):
            if begin == 0 and self._start + len(self._data) >= self.size:
                return self._data
            if count > MAX_PIECE_BYTES:
                raise Odd("a large piece")
            self._data = os.pread(self._fd, max(count, PIECE_BYTES), offset)
            self._start, begin = offset, 0
        return self._data[begin : begin + count]
