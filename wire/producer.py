"""What every sender of tasks does, in whatever room it lives: it stamps, and it heeds the limits.

The stamp is one small header: Celery's messages carry neither the time they were sent nor the
limit that their reprs were cut at.  Both parts work on objects they are given, so that this room
needs no Celery.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, NamedTuple

from wire.payloads import CELERY_LIMIT, SizeLimits

#: The message header: `[sent_at, limit of args, limit of kwargs]`, and a 1 at its end if the
#: sender has told of the task: whoever runs it then tells how it ended.
HEADER = "needle"
#: Seconds that a process uses the limits it has read.
LIMITS_SECONDS = 2.0
#: An application may have None for its own limits.
UNLIMITED = 2**31 - 1
#: Seconds until it tries again while Redis is away.
AWAY_SECONDS = 10.0


class Stamp(NamedTuple):
    """What a message says of its sending."""

    sent_at: float | None = None  #: epoch seconds of the sender's clock
    args_limit: int = CELERY_LIMIT
    kwargs_limit: int = CELERY_LIMIT
    told: bool = False  #: a record of the sent task is on its way


_UNSTAMPED = Stamp()
_RESTS: tuple[list[int], ...] = ([], [1])


def stamp(headers: MutableMapping[str, Any] | None, amqp: Any, *, told: bool = False) -> None:
    """Add the stamp: for the signal `before_task_publish`, with the application's `amqp`."""
    if headers is not None:
        limits = (amqp.argsrepr_maxsize, amqp.kwargsrepr_maxsize)
        headers[HEADER] = [round(time.time(), 3), *limits, *([1] if told else [])]


def read_stamp(headers: Mapping[str, Any]) -> Stamp:
    """The stamp in the headers of a message; without one: no time, and Celery's own limits."""
    return stamp_of(headers.get(HEADER))


def stamp_of(said: Any) -> Stamp:
    """The stamp that the header `HEADER` is, like `read_stamp`."""
    if not isinstance(said, (list, tuple)) or len(said) < 3:
        return _UNSTAMPED
    sent_at, args, kwargs, *rest = said
    # (A `match` would be easier to read, and takes three times as long for each task.)
    if (
        isinstance(sent_at, (int, float))
        and 0 < sent_at < 1e11
        and isinstance(args, int)
        and isinstance(kwargs, int)
        and rest in _RESTS
    ):
        return Stamp(float(sent_at), args, kwargs, bool(rest))
    return _UNSTAMPED


def may_be_told(said: Any) -> bool:
    """Whether somebody may have been told of the message: quick, and true when in doubt."""
    return said is not None and (type(said) is not list or len(said) != 3)


class LimitsInForce:
    """The limits, read again by each process when its copy is older than `LIMITS_SECONDS`."""

    def __init__(self, read: Callable[[], SizeLimits | None]) -> None:
        """`read` asks Redis; what it raises keeps the limits that were known."""
        self._read = read
        self._limits: SizeLimits | None = None
        self._due_at = float("-inf")
        self._pid = 0

    def __call__(self) -> SizeLimits | None:
        """What somebody set; None: nothing, so that the application's own limits are in force."""
        now = time.monotonic()
        if now >= self._due_at or self._pid != os.getpid():
            self._pid = os.getpid()
            try:
                self._limits = self._read()
                self._due_at = now + LIMITS_SECONDS
            except Exception:  # Redis is away: it must not slow down every task that is sent
                self._due_at = now + AWAY_SECONDS
        return self._limits


def heed_limits(amqp: Any, in_force: Callable[[], SizeLimits | None]) -> None:
    """Make both limits of an `app.amqp` live: each read asks `in_force`."""
    amqp.__class__ = live_limits(type(amqp), in_force)


def live_limits(cls: type, in_force: Callable[[], SizeLimits | None]) -> type:
    """A subclass of Celery's `AMQP` (or an application's own) whose limits are those in force.

    While nobody has set any, the application's own are: of its class, or assigned to it.
    """

    def live(name: str, part: str) -> property:
        def get(amqp: Any) -> int:
            limits = in_force()
            if limits is not None:
                return int(getattr(limits, part))
            own = vars(amqp).get(name, getattr(cls, name))
            return UNLIMITED if own is None else int(own)

        def assign(amqp: Any, value: int | None) -> None:
            vars(amqp)[name] = value

        return property(get, assign)

    properties = {
        "argsrepr_maxsize": live("argsrepr_maxsize", "args"),
        "kwargsrepr_maxsize": live("kwargsrepr_maxsize", "kwargs"),
    }
    return type(f"Live{cls.__name__}", (cls,), properties)
