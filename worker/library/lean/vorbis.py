"""Vorbis comments, of FLAC and all kinds of Ogg, from one piece of memory."""

from __future__ import annotations

import functools
from struct import Struct

from worker.library.lean.window import Odd
from worker.library.sources import PICTURE_HEAD_CHARS, Source, vorbis_picture
from worker.library.tagmap import PLACES

_unpack_length = Struct("<I").unpack_from
_PICTURE, _COVER = "metadata_block_picture", "coverart"
#: What is longer is no name that is read, and is not worth remembering.
_LONGEST_NAME = max(map(len, (*PLACES["vorbis"], _PICTURE, _COVER)))


def read_comments(data: bytes, at: int) -> tuple[Source, int]:
    """The comments from `at`, and where they end.  Raises Odd, and others."""
    source = Source("vorbis")
    (vendor_bytes,) = _unpack_length(data, at)
    at += 4
    vendor = data[at : at + vendor_bytes].decode("utf-8", "replace")
    at += vendor_bytes
    (count,) = _unpack_length(data, at)
    at += 4
    for _ in range(count):
        (size,) = _unpack_length(data, at)
        begin = at + 4
        at = begin + size
        equals = data.find(b"=", begin, at)
        if equals < 0 or at > len(data):
            raise Odd("a comment without a name, or cut off")
        if equals - begin <= _LONGEST_NAME and (name := _name(data[begin:equals])):
            _add(source, name, data[equals + 1 : at])
    source.vendor = vendor
    return source, at


def _add(source: Source, name: str, value: bytes) -> None:
    if name == _PICTURE:
        head = value[:PICTURE_HEAD_CHARS]
        if not value.isascii():
            raise Odd("a picture that is not in base64")
        source.pictures.append(vorbis_picture(head.decode("ascii"), len(value)))
    elif name == _COVER:
        source.pictures.append(("other", len(value.decode("utf-8", "replace")) * 3 // 4))
    else:
        source.add(name, (value.decode("utf-8", "replace"),))


@functools.lru_cache(maxsize=1024)
def _name(key: bytes) -> str | None:
    """The name of a field when it is one that is read: those are plain ASCII."""
    name = key.decode("ascii", "replace").lower()
    return name if name in PLACES["vorbis"] or name in (_PICTURE, _COVER) else None
