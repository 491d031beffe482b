"""A QR code in characters, two modules high each, as a terminal shows it."""

from __future__ import annotations

import segno

#: Dark module above, dark module below -> character, on a terminal that writes light on dark.
_BLOCKS = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}
QUIET_MODULES = 2


def qr_lines(text: str) -> list[str]:
    """`text` as a QR code: what is light is drawn, what is dark is left out."""
    code = segno.make(text, error="l", micro=False, boost_error=False)
    rows = [list(row) for row in code.matrix_iter(border=QUIET_MODULES)]
    if len(rows) % 2:
        rows.append([0] * len(rows[0]))
    pairs = (zip(*two, strict=True) for two in zip(rows[::2], rows[1::2], strict=True))
    return ["".join(_BLOCKS[bool(a), bool(b)] for a, b in pair) for pair in pairs]
