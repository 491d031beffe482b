"""Whether a message is one that a task, or a remote control command, can be made of.

Celery trusts its broker: a message that is no JSON, or whose headers have other types than it
expects, ends the worker, and the next one that takes it.  So each is checked before Celery has it.
Nothing here reads or writes anything.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime
from inspect import Signature
from typing import Any

from kombu.utils import json

from wire.names import QUEUE_NAMES
from wire.producer import HEADER as STAMP
from wire.producer import read_stamp
from wire.refusals import Refusal
from wire.transport import LONGEST_HARD_LIMIT_SECONDS, VISIBILITY_TIMEOUT_SECONDS

#: What a task is given: arguments, keyword arguments, and what is to follow it.
_BODIES = ([list, dict, dict], [list, dict, type(None)])
#: Annotation of a parameter -> what JSON makes of its values.
_TYPES = {str: (str,), int: (int,), bool: (bool,), float: (float, int)}
#: Levels of lists and objects in a message.
DEPTH = 20
#: Characters of an id, a name, an address in a message.
WORD_CHARS = 300
#: Names of Celery's gzip, the only compression whose output can be bounded everywhere.
GZIP = ("application/x-gzip", "gzip", "zlib")
#: Remote control commands that only tell.
INSPECTIONS = frozenset(
    {"ping", "stats", "active", "reserved", "scheduled", "revoked", "registered", "active_queues",
     "query_task"}
)  # fmt: skip
#: Those that change something and are obeyed.  The others (`pool_restart` loads modules) are not.
COMMANDS = frozenset({"revoke", "shutdown", "enable_events", "disable_events", "heartbeat"})


class RefusedError(Exception):
    """A message that must not reach Celery."""

    def __init__(self, kind: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.kind, self.detail = kind, detail


def check_task(data: bytes, tasks: Mapping[str, Signature], most_bytes: int, now: float) -> None:
    """Raise RefusedError unless `data`, an element of a queue, is a good message for a task.

    `tasks`: name -> what it is called with.  `most_bytes` bounds the message, and its body when
    that is decompressed; `now`: epoch seconds.
    """
    message = _parsed(data, most_bytes)
    headers = _field(message, "headers", dict)
    name = headers.get("task")
    if not isinstance(name, str):
        raise _malformed("no name of a task in its headers")
    if name not in tasks:
        raise RefusedError(Refusal.UNKNOWN_TASK, f"no task is named {name[:100]!r}")
    _check_delivery(_field(message, "properties", dict))
    for key, value in headers.items():
        if not _HEADERS.get(key, _is_scalar)(value):
            raise _malformed(f"header {key[:40]!r} cannot be {str(value)[:60]!r}")
    if "id" not in headers:
        raise _malformed("no id in its headers")
    for key in ("eta", "expires"):
        if _seconds(headers.get(key)) - now > VISIBILITY_TIMEOUT_SECONDS:
            raise _malformed(f"{key} is too far away")
    body = _body(message, headers.get("compression"), most_bytes)
    if not (isinstance(body, list) and [type(part) for part in body] in _BODIES):
        raise _malformed("its body is not [arguments, keyword arguments, options]")
    if body[2] and any(body[2].values()):
        raise _malformed("it wants other tasks to follow")
    _check_arguments(tasks[name], body[0], body[1])


def check_command(message: Any, most_bytes: int) -> None:
    """Raise RefusedError unless `message`, parsed, is a remote control command that is obeyed."""
    _check_plain(message, DEPTH)
    if not isinstance(message, dict):
        raise _malformed("an object is needed")
    _field(message, "headers", dict)
    _field(_field(message, "properties", dict), "delivery_tag", str)
    _field(_field(message["properties"], "delivery_info", dict), "exchange", str)
    body = _body(message, message["headers"].get("compression"), most_bytes)
    if not isinstance(body, dict):
        raise _malformed("its body is not an object")
    method = _field(body, "method", str)
    if method not in INSPECTIONS | COMMANDS:
        raise RefusedError(Refusal.COMMAND, f"{method[:60]!r} is not obeyed")
    arguments = body.get("arguments") or {}
    if not isinstance(arguments, dict):
        raise _malformed("its arguments are not an object")
    named = arguments.get("task_id", arguments.get("ids", []))
    if not (_is_word(named) or _is_words(named)):
        raise _malformed("it names tasks by no text")
    destination = body.get("destination")
    if destination is not None and not _is_words(destination):
        raise _malformed("its destination is not a list of names")
    if body.get("pattern") is not None or body.get("matcher") is not None:
        raise _malformed("patterns are not obeyed")  # a regular expression may take for ever


def _check_arguments(form: Signature, args: list[Any], kwargs: dict[str, Any]) -> None:
    try:
        bound = form.bind(*args, **kwargs)
    except TypeError as error:
        raise _malformed(str(error)) from None
    for name, value in bound.arguments.items():
        wanted = form.parameters[name].annotation
        if type(value) not in _TYPES.get(wanted, (type(value),)):
            raise _malformed(f"{name}: {wanted.__name__} is needed, not {type(value).__name__}")


def _parsed(data: bytes, most_bytes: int) -> dict[str, Any]:
    if len(data) > most_bytes:
        raise RefusedError(Refusal.TOO_LARGE, f"{len(data)} bytes, at most {most_bytes} are taken")
    message = _loaded(data)
    if not isinstance(message, dict):
        raise _malformed("an object is needed")
    return message


def _loaded(data: bytes) -> Any:
    """What kombu will make of `data`."""
    try:
        value = json.loads(data.decode("utf-8"))
    except RecursionError:
        raise _malformed("nested too deeply") from None
    except Exception as error:  # also what kombu's own types of values raise
        raise RefusedError(Refusal.NOT_JSON, str(error)) from None
    _check_plain(value, DEPTH)
    return value


def _check_plain(value: Any, depth: int) -> None:
    """Refuse what cannot be written as JSON in UTF-8 again, or holds absurd numbers or levels."""
    if not depth:
        raise _malformed("nested too deeply")
    if isinstance(value, dict):
        for key, item in value.items():
            _check_plain(key, depth - 1)
            _check_plain(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            _check_plain(item, depth - 1)
    elif isinstance(value, str):
        if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
            raise _malformed("half a character (a lone surrogate)")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise _malformed("a number that is not finite")
    elif isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise _malformed("a number of more than 64 bits")
    elif value is not None:
        raise _malformed(f"a value of the type {type(value).__name__}")


def _body(message: Mapping[str, Any], compression: Any, most_bytes: int) -> Any:
    if message.get("content-type") != "application/json":
        raise RefusedError(Refusal.NOT_JSON, f"it is {str(message.get('content-type'))[:60]!r}")
    if message.get("content-encoding") != "utf-8":
        raise _malformed("its encoding is not UTF-8")
    text = _field(message, "body", str)
    if _field(message, "properties", dict).get("body_encoding") is None:
        data = text.encode("utf-8")
    else:
        try:
            data = base64.b64decode(text, validate=True)
        except ValueError as error:
            raise _malformed(f"its body is not base64: {error}") from None
    if compression is not None:
        data = _decompressed(data, compression, most_bytes)
    return _loaded(data)


def _decompressed(data: bytes, compression: Any, most_bytes: int) -> bytes:
    if compression not in GZIP:
        raise _malformed(f"compressed by {str(compression)[:40]!r}: only gzip is taken")
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(data, most_bytes + 1)
    except zlib.error as error:
        raise _malformed(f"its body cannot be decompressed: {error}") from None
    if len(unpacked) > most_bytes:
        raise RefusedError(Refusal.TOO_LARGE, f"more than {most_bytes} bytes when decompressed")
    if not unpacker.eof:
        raise _malformed("its body is cut")
    return unpacked


def _check_delivery(properties: Mapping[str, Any]) -> None:
    """Refuse what could not be acknowledged, or would be put back into another list."""
    place = _field(properties, "delivery_info", dict)
    good = (
        _is_word(properties.get("delivery_tag"))
        and place.get("exchange") in ("", *QUEUE_NAMES)
        and place.get("routing_key") in QUEUE_NAMES
        and properties.get("body_encoding") in (None, "base64")
        and _is_count(properties.get("priority", 0))
        and all(_is_text(properties.get(key)) for key in ("correlation_id", "reply_to"))
    )
    if not good:
        raise _malformed("its properties are not those of a task")


def _field(mapping: Mapping[str, Any], key: str, kind: type) -> Any:
    value = mapping.get(key)
    if not isinstance(value, kind):
        raise _malformed(f"{key}: {kind.__name__} is needed")
    return value


def _malformed(detail: str) -> RefusedError:
    return RefusedError(Refusal.MALFORMED, detail)


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= WORD_CHARS


def _is_words(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_word, value))


def _is_text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float))


def _is_count(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value < 1_000_000)


def _is_empty(value: Any) -> bool:
    return not value


def _is_limits(value: Any) -> bool:
    """Hard and soft limit of a task, in seconds."""
    return value is None or (
        isinstance(value, list)
        and len(value) == 2
        and all(
            limit is None
            or (type(limit) in (int, float) and 0 < limit <= LONGEST_HARD_LIMIT_SECONDS)
            for limit in value
        )
    )


def _is_stamp(value: Any) -> bool:
    return read_stamp({STAMP: value}).sent_at is not None


def _is_moment(value: Any) -> bool:
    try:
        return math.isfinite(_seconds(value))
    except (TypeError, ValueError, OverflowError, OSError):
        return False


def _seconds(value: Any) -> float:
    """A moment in a header as epoch seconds, 0 for none.  Raises TypeError, ValueError, …"""
    if value is None:
        return 0.0
    if type(value) in (int, float):
        datetime.fromtimestamp(value)
        return float(value)
    return datetime.fromisoformat(value).timestamp()


_HEADERS: Mapping[str, Callable[[Any], bool]] = {
    "id": _is_word,
    "group": _is_text,
    "root_id": _is_text,
    "parent_id": _is_text,
    "lang": _is_text,
    "origin": _is_text,
    "shadow": _is_text,
    "argsrepr": _is_text,
    "kwargsrepr": _is_text,
    "retries": _is_count,
    "group_index": _is_count,
    "replaced_task_nesting": _is_count,
    "timelimit": _is_limits,
    "eta": _is_moment,
    "expires": _is_moment,
    "stamps": _is_empty,
    "stamped_headers": _is_empty,
    STAMP: _is_stamp,
}
