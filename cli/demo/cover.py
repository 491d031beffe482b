"""Cover pictures without an image library: two colours in a PNG."""

from __future__ import annotations

import struct
import zlib

_SIDE_PIXELS = 32


def cover_png(colour: int) -> bytes:
    """A small square PNG of `colour` (0xRRGGBB) with a lighter disc in the middle."""
    dark = colour.to_bytes(3, "big")
    light = bytes(255 - (255 - part) // 3 for part in dark)
    middle, radius = (_SIDE_PIXELS - 1) / 2, _SIDE_PIXELS / 3
    rows = []
    for y in range(_SIDE_PIXELS):
        inside = [(x - middle) ** 2 + (y - middle) ** 2 < radius**2 for x in range(_SIDE_PIXELS)]
        rows.append(b"\0" + b"".join(light if lit else dark for lit in inside))
    head = struct.pack(">IIBBBBB", _SIDE_PIXELS, _SIDE_PIXELS, 8, 2, 0, 0, 0)
    image = zlib.compress(b"".join(rows))
    chunks = ((b"IHDR", head), (b"IDAT", image), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
