"""Cover pictures without an image library: one colour with some grain."""

from __future__ import annotations

import random
import struct
import zlib

#: A square of this many pixels is a PNG of about 20 KB.
SIDE_PIXELS = 96


def cover_png(colour: int, side_pixels: int = SIDE_PIXELS) -> bytes:
    """A square PNG of grainy `colour` (0xRRGGBB): 2 bytes a pixel, for grain does not shrink."""
    rng = random.Random(colour)  # noqa: S311 - nothing here is a secret
    tables = [
        bytes(min(part + (byte >> 3), 255) for byte in range(256))
        for part in colour.to_bytes(3, "big")
    ]
    rows = []
    for _ in range(side_pixels):
        row = bytearray(3 * side_pixels)
        for channel, table in enumerate(tables):
            row[channel::3] = rng.randbytes(side_pixels).translate(table)
        rows.append(b"\0" + row)
    head = struct.pack(">IIBBBBB", side_pixels, side_pixels, 8, 2, 0, 0, 0)
    image = zlib.compress(b"".join(rows))
    chunks = ((b"IHDR", head), (b"IDAT", image), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
