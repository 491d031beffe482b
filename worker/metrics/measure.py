"""How large a payload is: one pass of orjson, and names for what JSON cannot hold."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import orjson

_STRICT = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
#: The bytes of UTF-8 that begin no character.
_CONTINUATION = bytes(range(0x80, 0xC0))
#: Values that JSON cannot hold are named, so many of one payload.
STRANGE_MAX = 8
#: Containers deeper than this are measured as their repr.
DEPTH_MAX = 60
#: Values in which a batch is looked for.
LOOKED_AT_MAX = 1_000
_CONTAINERS = (list, tuple, dict)
_FLAT = frozenset({str, int, bool, type(None)})
_PLAIN = (str, int, float, bool, type(None))


@dataclass(frozen=True, slots=True)
class Strange:
    """A value that JSON cannot hold: its type, and where it is."""

    type: str
    path: str


class Size(NamedTuple):
    """A value as compact JSON that escapes no character (`ensure_ascii=False`)."""

    chars: int
    utf8_bytes: int
    strange: tuple[Strange, ...] = ()  #: each counts as its repr, written as a JSON string


#: Most results and many arguments: `null`, `[]`, `{}`.
_EMPTY, _NOTHING = Size(2, 2), Size(4, 4)


def measure(value: Any, where: str = "") -> Size:
    """The size of a value; `where` begins the paths of what is strange in it.  Never raises."""
    if value is None:
        return _NOTHING
    if type(value) in _CONTAINERS and not value:
        return _EMPTY
    try:
        data = orjson.dumps(value, option=_STRICT)
    except (TypeError, RecursionError):  # orjson's errors are TypeErrors
        return _measure_slowly(value, where)
    size = len(data)
    if data.isascii():
        return Size(size, size)
    return Size(len(data.translate(None, _CONTINUATION)), size)


def measure_json_size(obj: Any) -> int:
    """Characters of `obj` as compact JSON that escapes no character.

    What JSON cannot hold (bytes, Ellipsis, sets, objects) counts as its repr, never as nothing.
    """
    try:
        return len(json.dumps(obj, ensure_ascii=False, separators=(",", ":")))
    except (TypeError, ValueError, RecursionError):
        return _measure_slowly(obj, "").chars


def written_chars(value: Any) -> int:
    """`len(json.dumps(value))`, in a tenth of its time for most values.

    Raises what `json.dumps` raises.
    """
    try:
        data = orjson.dumps(value, option=_STRICT)
        if data.isascii() and b"\x7f" not in data:  # else they are escaped
            return len(data) + _written_apart(value)
    except (TypeError, RecursionError):
        pass
    return len(json.dumps(value))


def _written_apart(value: Any) -> int:
    """How much longer than orjson's the text of `json.dumps` is: spaces, and longer floats.

    Raises TypeError for a value that the two of them write differently, or one of them not at all.
    """
    more, values = 0, [value]
    for item in values:  # which grows meanwhile
        kind = type(item)
        if kind in _FLAT:
            continue
        if kind is dict:
            more += max(0, 2 * len(item) - 1)
            values.extend(item.values())
        elif kind is list or kind is tuple:
            more += max(0, len(item) - 1)
            values.extend(item)
        elif kind is float and math.isfinite(item):
            more += len(repr(item)) - len(orjson.dumps(item))
        else:
            raise TypeError(kind)
    return more


def longest_list(values: Any) -> int:
    """Items of the longest list or dictionary in a task's args or kwargs, at most two levels deep.

    That is the size of its batch; 0 when there is none of two items or more.
    """
    outer = [value for value in _held(values) if isinstance(value, _CONTAINERS)]
    inner = (value for held in outer if isinstance(held, dict) for value in _held(held))
    counts = (len(value) for value in (*outer, *inner) if isinstance(value, _CONTAINERS))
    longest = max(counts, default=0)
    return longest if longest > 1 else 0


def _held(container: Any) -> Iterator[Any]:
    values = container.values() if isinstance(container, dict) else container or ()
    return islice(values, LOOKED_AT_MAX)


def _measure_slowly(value: Any, where: str) -> Size:
    strange: list[Strange] = []
    plain = _plain(value, where, strange, 0)
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
    utf8_bytes = len(text.encode("utf-8", "surrogatepass"))
    return Size(len(text), utf8_bytes, tuple(strange[:STRANGE_MAX]))


def _plain(value: Any, path: str, strange: list[Strange], depth: int) -> Any:
    """`value` with its repr in the place of everything that JSON cannot hold."""
    if isinstance(value, _PLAIN):
        return value
    if depth < DEPTH_MAX:
        if isinstance(value, dict):
            return {
                _plain_key(key, path, strange): _plain(
                    item, f"{path}[{shown(key, 40)}]", strange, depth + 1
                )
                for key, item in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [
                _plain(item, f"{path}[{index}]", strange, depth + 1)
                for index, item in enumerate(value)
            ]
    strange.append(Strange(type(value).__name__, path))
    return shown(value)


def _plain_key(key: Any, path: str, strange: list[Strange]) -> Any:
    if isinstance(key, _PLAIN):
        return key
    strange.append(Strange(type(key).__name__, f"{path}: a key"))
    return shown(key)


def shown(value: Any, chars: int | None = None) -> str:
    """`repr(value)`, whatever its class does; the first `chars` of it."""
    try:
        return repr(value)[:chars]
    except Exception as error:
        return f"<{type(value).__name__}: {type(error).__name__}>"[:chars]


def repr_chars(value: Any, levels: int | None) -> int:
    """Characters of Celery's own repr (`saferepr`) of a value that no size limit cuts.

    `levels`: `task_repr_maxlevels`.  Counting takes a tenth of the time of writing it.
    """
    return sum(_repr_chars(value, levels or DEPTH_MAX, 0))


def _repr_chars(value: Any, levels: int, level: int) -> Iterator[int]:
    kind = type(value)
    if kind is str:
        yield len(value) + 2 + value.count("'")
    elif kind in (int, float, bool, type(None)):
        yield len(str(value))
    elif kind in (list, tuple, dict):
        if level >= levels:
            yield 5  # [...]
            return
        # A container of one line: the separators, then what it holds.
        yield 2 + 2 * max(0, len(value) - 1) + (kind is tuple and len(value) == 1)
        if kind is dict:
            for key in value:
                yield 2 + sum(_repr_chars(key, levels, 0))
            value = value.values()
        for item in value:
            if type(item) is str:
                yield len(item) + 2 + item.count("'")
            else:
                yield from _repr_chars(item, levels, level + 1)
    elif kind is bytes:
        yield 3 + _bytes_chars(value)
    else:
        yield len(shown(value))


def _bytes_chars(value: bytes) -> int:
    """Celery shows bytes as text if they are UTF-8, else in hexadecimal."""
    try:
        return len(value.decode())
    except UnicodeDecodeError:
        return 2 * len(value)
