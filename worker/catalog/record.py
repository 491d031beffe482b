"""The rows of one batch as compressed JSON, for their way through Redis."""

from __future__ import annotations

from collections.abc import Sequence

from worker.catalog.entities import Grouped
from worker.library.model import FileResult

#: A record may not grow to more than this when it is unpacked.
MAX_BYTES = 64 << 20


class RecordError(ValueError):
    """Not a record of ours, damaged, or too large."""


def pack_results(results: Sequence[FileResult]) -> bytes:
    """What reading gave, as zlib-compressed JSON."""
    raise NotImplementedError


def unpack_results(data: bytes) -> list[FileResult]:
    """The inverse of `pack_results`.  Raises RecordError."""
    raise NotImplementedError


def pack_grouped(grouped: Grouped) -> bytes:
    """A batch ready to be stored, as zlib-compressed JSON."""
    raise NotImplementedError


def unpack_grouped(data: bytes) -> Grouped:
    """The inverse of `pack_grouped`.  Raises RecordError."""
    raise NotImplementedError
