"""The rows of one batch as compressed JSON, for their way through Redis."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any

import orjson

from wire.outcomes import Outcome
from worker.catalog.entities import Grouped
from worker.catalog.filelist import path_to_text, text_to_path
from worker.library.model import Audio, FileResult, Signature, Tags

#: A record may not grow to more than this when it is unpacked.
MAX_BYTES = 64 << 20

#: Marks what only Python's own, slower module can write and read.
_BY_JSON = b" "

#: Places in `Tags` of what is several values.
_LISTS = tuple(i for i, name in enumerate(Tags._fields) if Tags._field_defaults[name] == ())


class RecordError(ValueError):
    """Not a record of ours, damaged, or too large."""


def pack_results(results: Sequence[FileResult]) -> bytes:
    """What reading gave, as zlib-compressed JSON."""
    return _pack([(path_to_text(result.path), *result[1:]) for result in results])


def unpack_results(data: bytes) -> list[FileResult]:
    """The inverse of `pack_results`.  Raises RecordError."""
    rows = _unpack(data)
    try:
        return [_result(*row) for row in rows]
    except (TypeError, ValueError, IndexError) as error:
        raise RecordError(f"not a record of results: {error}") from None


def pack_grouped(grouped: Grouped) -> bytes:
    """A batch ready to be stored, as zlib-compressed JSON."""
    return _pack(grouped.to_json())


def unpack_grouped(data: bytes) -> Grouped:
    """The inverse of `pack_grouped`.  Raises RecordError."""
    rows = _unpack(data)
    try:
        return Grouped.from_json(rows)
    except (TypeError, ValueError, KeyError) as error:
        raise RecordError(f"not a record of a batch: {error}") from None


def _pack(value: Any) -> bytes:
    try:
        text = orjson.dumps(value, default=tuple)  # it takes no named tuples
    except TypeError:  # a path that is no UTF-8, a number beyond 64 bits
        text = _BY_JSON + json.dumps(value, separators=(",", ":")).encode("ascii")
    return zlib.compress(text, 1)


def _unpack(data: bytes) -> Any:
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(data, MAX_BYTES)
        if not inflater.eof:
            raise RecordError("a record that is cut off, or too large")
        return _load(text)
    except (zlib.error, ValueError, RecursionError) as error:
        raise RecordError(f"not a record: {error}") from None


def _load(text: bytes) -> Any:
    return json.loads(text) if text.startswith(_BY_JSON) else orjson.loads(text)


def _result(
    path: str,
    signature: list[int],
    outcome: str | None,
    error_class: str,
    message: str,
    tags: list[Any] | None,
    audio: list[Any] | None,
    flags: list[str],
) -> FileResult:
    """A result by the values of its fields, in their order."""
    if tags is not None:
        for index in _LISTS:
            tags[index] = tuple(tags[index])
    return FileResult(
        text_to_path(path),
        Signature(*signature),
        Outcome(outcome) if outcome is not None else None,
        error_class,
        message,
        Tags(*tags) if tags is not None else None,
        Audio(*audio) if audio is not None else None,
        tuple(flags),
    )
