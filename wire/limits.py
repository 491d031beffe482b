"""Changing the size limits: by hand, by undo, by automatic mode.  Pure; a script does the change.

Whoever reads the limits, makes a `Change` of them and runs `CHANGE_LIMITS` with `arguments`; 0
means that somebody was faster, and everything is to be done again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

from wire.events import Activity, dump, encode
from wire.keys import ACTIVITY_LENGTH, Keys
from wire.payloads import DEFAULT_LIMITS, SizeLimits
from wire.size_report import SizeReport
from wire.sizes import DEFAULT_CEILING, HIGHEST_LIMIT, LOWEST_LIMIT, automatic_limit

#: Who sets the limits in automatic mode.
AUTOMATIC = "automatic"
#: How often somebody may be faster.
TRIES = 5

SET, UNDONE = "sizes.limits_set", "sizes.limits_undone"
AUTOMATIC_ON, AUTOMATIC_OFF = "sizes.automatic_on", "sizes.automatic_off"
RESET = "sizes.reset"


class Pipeline(Protocol):
    """The commands of a reset, of redis-py's blocking or asynchronous pipeline."""

    def delete(self, *names: str) -> Any:
        """DEL."""

    def set(self, name: str, value: str) -> Any:
        """SET."""

    def xadd(self, name: str, fields: Any, *, maxlen: int) -> Any:
        """XADD."""


class LimitError(ValueError):
    """A limit that cannot be set, or nothing to undo: a plain sentence."""


@dataclass(frozen=True, slots=True)
class Change:
    """What the limits become (None: the applications' own), and what is written of it."""

    limits: SizeLimits | None
    activity: Activity


def checked(name: str, value: object) -> int:
    """`value` as a limit.  Raises LimitError."""
    if type(value) is int and LOWEST_LIMIT <= value <= HIGHEST_LIMIT:
        return value
    raise LimitError(
        f"{name}: a whole number of characters from {LOWEST_LIMIT} to {HIGHEST_LIMIT} is needed."
    )


def by_hand(
    known: SizeLimits | None, args: int, kwargs: int, *, actor: str, at: float
) -> Change | None:
    """Set both limits, which ends automatic mode.  None: they are set already."""
    if known and (known.args, known.kwargs, known.automatic) == (args, kwargs, False):
        return None
    limits = _following(known, args, kwargs, actor=actor, at=at)
    return Change(limits, _activity(SET, limits, actor, at))


def undone(known: SizeLimits | None, *, actor: str, at: float) -> Change:
    """Bring back the limits before the last change; automatic mode ends.  Raises LimitError."""
    if known is None:
        raise LimitError("There is nothing to undo: nobody has set a limit.")
    limits = None
    if known.previous_args and known.previous_kwargs:
        args, kwargs = known.previous_args, known.previous_kwargs
        limits = _following(known, args, kwargs, actor=actor, at=at)
    return Change(limits, _activity(UNDONE, limits, actor, at))


def automatic(
    known: SizeLimits | None, *, on: bool, ceiling: int = DEFAULT_CEILING, actor: str, at: float
) -> Change | None:
    """Switch automatic mode; the limits stay what they are until it sees a need.  None: it is so.

    Without limits of anybody's, it begins with those that Celery has by itself.
    """
    now = known or DEFAULT_LIMITS
    if now.automatic == on and (not on or now.ceiling == ceiling):
        return None
    limits = replace(now, automatic=on, ceiling=ceiling if on else now.ceiling)
    return Change(limits, _activity(AUTOMATIC_ON if on else AUTOMATIC_OFF, limits, actor, at))


def kept(report: SizeReport) -> Change | None:
    """What automatic mode changes after `report`; None: nothing, or it is off."""
    known = report.limits
    if known is None or not known.automatic:
        return None
    args, kwargs = (
        automatic_limit(
            kind.limit,
            kind.advised,
            ceiling=known.ceiling or DEFAULT_CEILING,
            tasks=report.together.analysed,
            unchanged_seconds=report.at - known.set_at,
        )
        for kind in (report.together.args, report.together.kwargs)
    )
    if (args, kwargs) == (known.args, known.kwargs):
        return None
    limits = _following(known, args, kwargs, actor=AUTOMATIC, at=report.at)
    limits = replace(limits, automatic=True)
    return Change(limits, _activity(SET, limits, AUTOMATIC, report.at))


def arguments(keys: Keys, known: bytes | None, change: Change) -> tuple[list[str], list[str]]:
    """Keys and arguments of `CHANGE_LIMITS`; `known` is what was read under `Keys.size_limits`."""
    fields = [text for pair in encode(change.activity).items() for text in pair]
    new = dump(change.limits) if change.limits else ""
    before = (known or b"").decode("utf-8", "replace")
    return [keys.size_limits, keys.activity], [before, new, str(ACTIVITY_LENGTH), *fields]


def reset_activity(actor: str, at: float) -> Activity:
    """What is written of a reset."""
    return Activity(at=at, actor=actor, action=RESET)


def ask_reset(pipe: Pipeline, keys: Keys, activity: Activity) -> None:
    """Measure anew: figures and findings go, limits and the history of days stay."""
    pipe.delete(keys.sizes, keys.findings)
    pipe.set(keys.sizes_since, f"{activity.at:.3f}")
    pipe.xadd(keys.activity, encode(activity), maxlen=ACTIVITY_LENGTH)


def _following(
    known: SizeLimits | None, args: int, kwargs: int, *, actor: str, at: float
) -> SizeLimits:
    """New limits that remember `known` for an undo."""
    return SizeLimits(
        args,
        kwargs,
        set_by=actor,
        set_at=at,
        previous_args=known.args if known else None,
        previous_kwargs=known.kwargs if known else None,
        ceiling=known.ceiling if known else None,
    )


def _activity(action: str, limits: SizeLimits | None, actor: str, at: float) -> Activity:
    detail = f"args {limits.args}, kwargs {limits.kwargs}" if limits else ""
    return Activity(at=at, actor=actor, action=action, detail=detail)
