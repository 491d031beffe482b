"""Whether a message is one that a task, or a remote control command, can be made of.

Celery trusts its broker: a message that is no JSON, or whose headers have other types than it
expects, ends the worker, and the next one that takes it.  So each is checked before Celery has it.
Nothing here reads or writes anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import Signature
from typing import Any

from wire.names import QUEUE_NAMES
from wire.refusals import Refusal
from wire.transport import VISIBILITY_TIMEOUT_SECONDS
from worker.envelope import DEPTH, RefusedError, body_of, check_plain, field, malformed, parsed
from worker.headers import is_count, is_good_header, is_text, is_word, is_words, seconds_of

#: What a task is given: arguments, keyword arguments, and what is to follow it.
_BODIES = ([list, dict, dict], [list, dict, type(None)])
#: Annotation of a parameter -> what JSON makes of its values.
_TYPES = {str: (str,), int: (int,), bool: (bool,), float: (float, int)}
#: Remote control commands that only tell.
INSPECTIONS = frozenset(
    {"ping", "stats", "active", "reserved", "scheduled", "revoked", "registered", "active_queues",
     "query_task"}
)  # fmt: skip
#: Those that change something and are obeyed.  The others (`pool_restart` loads modules) are not.
COMMANDS = frozenset({"revoke", "shutdown", "enable_events", "disable_events", "heartbeat"})


def check_task(data: bytes, tasks: Mapping[str, Signature], most_bytes: int, now: float) -> None:
    """Raise RefusedError unless `data`, an element of a queue, is a good message for a task.

    `tasks`: name -> what it is called with.  `most_bytes` bounds the message, and its body when
    that is decompressed; `now`: epoch seconds.
    """
    message = parsed(data, most_bytes)
    headers = field(message, "headers", dict)
    name = headers.get("task")
    if not isinstance(name, str):
        raise malformed("no name of a task in its headers")
    if name not in tasks:
        raise RefusedError(Refusal.UNKNOWN_TASK, f"no task is named {name[:100]!r}")
    _check_delivery(field(message, "properties", dict))
    for key, value in headers.items():
        if not is_good_header(key, value):
            raise malformed(f"header {key[:40]!r} cannot be {str(value)[:60]!r}")
    if "id" not in headers:
        raise malformed("no id in its headers")
    for key in ("eta", "expires"):
        if seconds_of(headers.get(key)) - now > VISIBILITY_TIMEOUT_SECONDS:
            raise malformed(f"{key} is too far away")
    body = body_of(message, headers.get("compression"), most_bytes)
    if not (isinstance(body, list) and [type(part) for part in body] in _BODIES):
        raise malformed("its body is not [arguments, keyword arguments, options]")
    if body[2] and any(body[2].values()):
        raise malformed("it wants other tasks to follow")
    _check_arguments(tasks[name], body[0], body[1])


def check_command(message: Any, most_bytes: int) -> None:
    """Raise RefusedError unless `message`, parsed, is a remote control command that is obeyed."""
    check_plain(message, DEPTH)
    if not isinstance(message, dict):
        raise malformed("an object is needed")
    field(message, "headers", dict)
    field(field(message, "properties", dict), "delivery_tag", str)
    field(field(message["properties"], "delivery_info", dict), "exchange", str)
    body = body_of(message, message["headers"].get("compression"), most_bytes)
    if not isinstance(body, dict):
        raise malformed("its body is not an object")
    method = field(body, "method", str)
    if method not in INSPECTIONS | COMMANDS:
        raise RefusedError(Refusal.COMMAND, f"{method[:60]!r} is not obeyed")
    arguments = body.get("arguments") or {}
    if not isinstance(arguments, dict):
        raise malformed("its arguments are not an object")
    named = arguments.get("task_id", arguments.get("ids", []))
    if not (is_word(named) or is_words(named)):
        raise malformed("it names tasks by no text")
    destination = body.get("destination")
    if destination is not None and not is_words(destination):
        raise malformed("its destination is not a list of names")
    if body.get("pattern") is not None or body.get("matcher") is not None:
        raise malformed("patterns are not obeyed")  # a regular expression may take for ever


def _check_arguments(form: Signature, args: list[Any], kwargs: dict[str, Any]) -> None:
    try:
        bound = form.bind(*args, **kwargs)
    except TypeError as error:
        raise malformed(str(error)) from None
    for name, value in bound.arguments.items():
        wanted = form.parameters[name].annotation
        if type(value) not in _TYPES.get(wanted, (type(value),)):
            raise malformed(f"{name}: {wanted.__name__} is needed, not {type(value).__name__}")


def _check_delivery(properties: Mapping[str, Any]) -> None:
    """Refuse what could not be acknowledged, or would be put back into another list."""
    place = field(properties, "delivery_info", dict)
    good = (
        is_word(properties.get("delivery_tag"))
        and place.get("exchange") in ("", *QUEUE_NAMES)
        and place.get("routing_key") in QUEUE_NAMES
        and properties.get("body_encoding") in (None, "base64")
        and is_count(properties.get("priority", 0))
        and all(is_text(properties.get(key)) for key in ("correlation_id", "reply_to"))
    )
    if not good:
        raise malformed("its properties are not those of a task")
