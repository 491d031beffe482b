"""MPEG frame headers as mutagen reads them, each kind of header once.

A header is four bytes, and nearly all frames of a library begin with one of a few: what they
say is asked of mutagen the first time and remembered.
"""

from __future__ import annotations

import functools
import io
from typing import Any, BinaryIO

import mutagen.mp3
from mutagen.mp3 import MPEGFrame
from mutagen.mp3._util import VBRIHeader, XingHeader

# mutagen's annotations stop short of these.
_mp3: Any = mutagen.mp3
_MPEGFrame: Any = MPEGFrame
_xing_offset: Any = XingHeader.get_offset
_vbri_offset: Any = VBRIHeader.get_offset

_HEADER_BYTES = 4
#: Bytes of a frame in which a header of variable bit rates begins, if there is one.
_HEAD_BYTES = 40


class FastMPEGFrame(_MPEGFrame):  # type: ignore[misc] # MPEGFrame is not annotated
    """A frame whose header is looked up, and searched for Xing or VBRI only where one begins."""

    def __init__(self, fileobj: BinaryIO) -> None:
        offset = fileobj.tell()
        head = fileobj.read(_HEAD_BYTES)
        known, frame_bytes, marks = known_header(head[:_HEADER_BYTES])
        self.__dict__.update(known, frame_offset=offset)
        if any(head.startswith(names, at) for at, names in marks):
            samples = 576 if self.version >= 2 else 1152
            self._parse_vbr_header(fileobj, offset, samples, frame_bytes)
        fileobj.seek(offset + frame_bytes)


def install() -> None:
    """Let mutagen read MP3 files by `FastMPEGFrame`."""
    _mp3.MPEGFrame = FastMPEGFrame


def remove() -> None:
    """Mutagen as it comes."""
    _mp3.MPEGFrame = MPEGFrame


@functools.lru_cache(maxsize=512)
def known_header(
    header: bytes,
) -> tuple[dict[str, Any], int, tuple[tuple[int, tuple[bytes, ...]], ...]]:
    """What a header says, the bytes of its frame, and where which marks may stand in it.

    Raises HeaderNotFoundError.
    """
    alone = io.BytesIO(header)
    frame = _MPEGFrame(alone)  # leaves its file where the next frame begins
    marks: tuple[tuple[int, tuple[bytes, ...]], ...] = ()
    if frame.layer == 3:
        marks = (_xing_offset(frame), (b"Xing", b"Info")), (_vbri_offset(frame), (b"VBRI",))
    return vars(frame), alone.tell(), marks
