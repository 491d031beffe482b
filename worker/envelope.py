"""What a message holds: from bytes to values that nothing chokes on, or a RefusedError.

The result can be written as JSON in UTF-8 again, and what is compressed is bounded.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Mapping
from typing import Any

from kombu.utils import json

from wire.refusals import Refusal

#: Levels of lists and objects in a message.
DEPTH = 20
#: Names of Celery's gzip, the only compression whose output can be bounded everywhere.
GZIP = ("application/x-gzip", "gzip", "zlib")


class RefusedError(Exception):
    """A message that must not reach Celery."""

    def __init__(self, kind: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.kind, self.detail = kind, detail


def field(mapping: Mapping[str, Any], key: str, kind: type) -> Any:
    """The value of a key, which must be of a type."""
    value = mapping.get(key)
    if not isinstance(value, kind):
        raise malformed(f"{key}: {kind.__name__} is needed")
    return value


def malformed(detail: str) -> RefusedError:
    """The refusal of what is JSON, and yet no message."""
    return RefusedError(Refusal.MALFORMED, detail)


def parsed(data: bytes, most_bytes: int) -> dict[str, Any]:
    """A message as it lies in a queue."""
    if len(data) > most_bytes:
        raise RefusedError(Refusal.TOO_LARGE, f"{len(data)} bytes, at most {most_bytes} are taken")
    message = _loaded(data)
    if not isinstance(message, dict):
        raise malformed("an object is needed")
    return message


def _loaded(data: bytes) -> Any:
    """What kombu will make of `data`."""
    try:
        value = json.loads(data.decode("utf-8"))
    except RecursionError:
        raise malformed("nested too deeply") from None
    except Exception as error:  # also what kombu's own types of values raise
        raise RefusedError(Refusal.NOT_JSON, str(error)) from None
    check_plain(value, DEPTH)
    return value


def check_plain(value: Any, depth: int) -> None:
    """Refuse what cannot be written as JSON in UTF-8 again, or holds absurd numbers or levels."""
    if not depth:
        raise malformed("nested too deeply")
    if isinstance(value, dict):
        for key, item in value.items():
            check_plain(key, depth - 1)
            check_plain(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            check_plain(item, depth - 1)
    elif isinstance(value, str):
        if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
            raise malformed("half a character (a lone surrogate)")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise malformed("a number that is not finite")
    elif isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise malformed("a number of more than 64 bits")
    elif value is not None:
        raise malformed(f"a value of the type {type(value).__name__}")


def body_of(message: Mapping[str, Any], compression: Any, most_bytes: int) -> Any:
    """The body of a message, `most_bytes` long at most, also when it is decompressed."""
    if message.get("content-type") != "application/json":
        raise RefusedError(Refusal.NOT_JSON, f"it is {str(message.get('content-type'))[:60]!r}")
    if message.get("content-encoding") != "utf-8":
        raise malformed("its encoding is not UTF-8")
    text = field(message, "body", str)
    if field(message, "properties", dict).get("body_encoding") is None:
        data = text.encode("utf-8")
    else:
        try:
            data = base64.b64decode(text, validate=True)
        except ValueError as error:
            raise malformed(f"its body is not base64: {error}") from None
    if compression is not None:
        data = _decompressed(data, compression, most_bytes)
    return _loaded(data)


def _decompressed(data: bytes, compression: Any, most_bytes: int) -> bytes:
    if compression not in GZIP:
        raise malformed(f"compressed by {str(compression)[:40]!r}: only gzip is taken")
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(data, most_bytes + 1)
    except zlib.error as error:
        raise malformed(f"its body cannot be decompressed: {error}") from None
    if len(unpacked) > most_bytes:
        raise RefusedError(Refusal.TOO_LARGE, f"more than {most_bytes} bytes when decompressed")
    if not unpacker.eof:
        raise malformed("its body is cut")
    return unpacked
