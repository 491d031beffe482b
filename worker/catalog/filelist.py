"""The list of files of a batch, as it lies in the journal: compressed JSON."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable

from worker.library.model import FoundFile, Signature

#: What a 64-bit integer column holds; a file's times may lie outside.
_LOW, _HIGH = -(2**63), 2**63 - 1


def path_to_text(path: bytes) -> str:
    """`path` as text that JSON can carry, exact for any bytes; never to be shown."""
    return path.decode("utf-8", "surrogateescape")


def text_to_path(text: str) -> bytes:
    """The inverse of `path_to_text`."""
    return text.encode("utf-8", "surrogateescape")


def bounded(number: int) -> int:
    """`number`, or the nearest one that a 64-bit column holds."""
    return number if _LOW <= number <= _HIGH else min(max(number, _LOW), _HIGH)


def encode_files(files: Iterable[FoundFile]) -> bytes:
    """`files` as compressed JSON."""
    rows = [
        (path_to_text(f.path), f.signature.size, f.signature.mtime_ns, f.signature.ctime_ns)
        for f in files
    ]
    return zlib.compress(json.dumps(rows, separators=(",", ":")).encode("ascii"), 1)


def decode_files(data: bytes) -> tuple[FoundFile, ...]:
    """The inverse of `encode_files`."""
    rows = json.loads(zlib.decompress(data))
    return tuple(
        FoundFile(text_to_path(path), Signature(size, mtime_ns, ctime_ns))
        for path, size, mtime_ns, ctime_ns in rows
    )
