"""The rows of one batch as compressed JSON, for their way through Redis."""

from __future__ import annotations

import dataclasses
import json
import operator
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

_TAG_NAMES = tuple(field.name for field in dataclasses.fields(Tags))
_AUDIO_NAMES = tuple(field.name for field in dataclasses.fields(Audio))
_LISTS = tuple(i for i, field in enumerate(dataclasses.fields(Tags)) if field.default == ())
_tags_of = operator.attrgetter(*_TAG_NAMES)
_audio_of = operator.attrgetter(*_AUDIO_NAMES)


class RecordError(ValueError):
    """Not a record of ours, damaged, or too large."""


def pack_results(results: Sequence[FileResult]) -> bytes:
    """What reading gave, as zlib-compressed JSON."""
    return _pack([_result_row(result) for result in results])


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


def _result_row(result: FileResult) -> list[Any]:
    signature = result.signature
    return [
        path_to_text(result.path),
        (signature.size, signature.mtime_ns, signature.ctime_ns),
        result.outcome,
        result.error_class,
        result.message,
        result.flags,
        _tags_of(result.tags) if result.tags is not None else None,
        _audio_of(result.audio) if result.audio is not None else None,
    ]


def _result(
    path: str,
    signature: list[int],
    outcome: str | None,
    error_class: str,
    message: str,
    flags: list[str],
    tags: list[Any] | None,
    audio: list[Any] | None,
) -> FileResult:
    if tags is not None:
        for index in _LISTS:
            tags[index] = tuple(tags[index])
    return FileResult(
        path=text_to_path(path),
        signature=Signature(*signature),
        outcome=Outcome(outcome) if outcome is not None else None,
        error_class=error_class,
        message=message,
        tags=Tags(*tags) if tags is not None else None,
        audio=Audio(*audio) if audio is not None else None,
        flags=tuple(flags),
    )
