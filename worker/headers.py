"""What the headers of a task's message may be: those that Celery knows, and our stamp."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from wire.producer import HEADER as STAMP
from wire.producer import read_stamp
from wire.transport import LONGEST_HARD_LIMIT_SECONDS

#: Characters of an id, a name, an address in a message.
WORD_CHARS = 300


def is_good_header(name: str, value: Any) -> bool:
    """Whether a header of this name may have this value."""
    return _HEADERS.get(name, _is_scalar)(value)


def is_word(value: Any) -> bool:
    """An id or a name."""
    return isinstance(value, str) and 0 < len(value) <= WORD_CHARS


def is_words(value: Any) -> bool:
    """A list of ids or names."""
    return isinstance(value, list) and all(map(is_word, value))


def is_text(value: Any) -> bool:
    """A text, or none."""
    return value is None or isinstance(value, str)


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float))


def is_count(value: Any) -> bool:
    """A whole number of something, or none."""
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
    """A date and time as Celery writes it, or none: a number, 0 even more, ends the worker."""
    try:
        return value is None or seconds_of(value) >= 0  # of earlier ones not all can be converted
    except (TypeError, ValueError, OverflowError):
        return False


def seconds_of(value: str | None) -> float:
    """A moment in a header as epoch seconds, 0 for none.  Raises TypeError, ValueError, …"""
    return 0.0 if value is None else datetime.fromisoformat(value).timestamp()


_HEADERS: Mapping[str, Callable[[Any], bool]] = {
    "id": is_word,
    "group": is_text,
    "root_id": is_text,
    "parent_id": is_text,
    "lang": is_text,
    "origin": is_text,
    "shadow": is_text,
    "argsrepr": is_text,
    "kwargsrepr": is_text,
    "retries": is_count,
    "group_index": is_count,
    "replaced_task_nesting": is_count,
    "timelimit": _is_limits,
    "eta": _is_moment,
    "expires": _is_moment,
    "stamps": _is_empty,
    "stamped_headers": _is_empty,
    STAMP: _is_stamp,
}
