"""FLAC: the blocks in front of the music, of which pictures are only counted."""

from __future__ import annotations

import struct

from worker.library.lean.vorbis import read_comments
from worker.library.lean.window import Lean, Odd, Stream, Window
from worker.library.sources import Source, picture_kind

_STREAM_INFO, _SEEK_TABLE, _COMMENTS, _CUE_SHEET, _PICTURE = 0, 3, 4, 5, 6
_SINGLE_KINDS = (_STREAM_INFO, _SEEK_TABLE, _COMMENTS)
_STREAM_INFO_BYTES = 34
#: Bytes of a picture block that are looked at: all but the picture.
_PICTURE_HEAD_BYTES = 1024


def read(window: Window) -> Lean:
    """Tags and stream.  Raises Odd, and others: see `lean`."""
    position, is_last, seen = 4, False, set()
    source, pictures = Source("vorbis"), []
    while not is_last:
        head = int.from_bytes(window.at(position, 4), "big")
        is_last, kind, size = bool(head >> 31), head >> 24 & 0x7F, head & 0xFFFFFF
        start = position + 4
        position = start + size
        if position > window.size:
            raise Odd("a block that is cut off")
        if kind == _CUE_SHEET or (kind in seen and kind in _SINGLE_KINDS):
            raise Odd("a cue sheet, or two blocks of which there should be one")
        seen.add(kind)
        if kind == _STREAM_INFO:
            if size != _STREAM_INFO_BYTES:
                raise Odd("a block of unusual size")
            properties = window.at(start, size)
        elif kind == _COMMENTS:
            source, end = read_comments(window.at(start, size), 0)
            if end != size:
                raise Odd("a block whose size is not that of its contents")
        elif kind == _PICTURE:
            pictures.append(_picture(window.at(start, min(size, _PICTURE_HEAD_BYTES)), size))
    source.pictures += pictures
    return Lean("FLAC", source, _stream(properties, window.size - position))


def _picture(head: bytes, size: int) -> tuple[str, int]:
    """Kind and bytes of the picture in a block of `size`."""
    kind, mime_bytes = struct.unpack_from(">II", head)
    (text_bytes,) = struct.unpack_from(">I", head, 8 + mime_bytes)
    (data_bytes,) = struct.unpack_from(">I", head, 8 + mime_bytes + 4 + text_bytes + 16)
    if 8 + mime_bytes + 4 + text_bytes + 16 + 4 + data_bytes != size:
        raise Odd("a block whose size is not that of its contents")
    return picture_kind(kind), data_bytes


def _stream(properties: bytes, audio_bytes: int) -> Stream:
    packed = int.from_bytes(properties[10:18], "big")  # 20 + 3 + 5 + 36 bits
    rate, samples = packed >> 44, packed & 0xFFFFFFFFF
    seconds = samples / float(rate)  # raises for a rate of 0
    bitrate = int(float(audio_bytes) * 8 / seconds) if seconds else 0
    return Stream(seconds, bitrate, (packed >> 41 & 7) + 1, rate, (packed >> 36 & 31) + 1)
