"""Which `argsrepr_maxsize` and `kwargsrepr_maxsize` to set, why, and what it costs.  Pure.

Celery's two limits bound a text for display, the repr of the arguments in a message's header and
in events.  The payload itself is never cut.  Figures are characters unless their name says bytes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from wire.payloads import CELERY_LIMIT
from wire.sentences import Sentence

#: What may be set.  0 would be "no limit" for Celery, and a message of more has other problems.
LOWEST_LIMIT, HIGHEST_LIMIT = 1, 64 * 1024 * 1024
#: A payload of more should not travel in messages at all: that is the first advice then.
MOVE_ABOVE_CHARS = 64 * 1024

#: What a character of repr costs.  Measured with kombu 5.7 on paths and lists of dicts: quotes and
#: accents are escaped in the header, 1.00 to 1.09 bytes each.
MESSAGE_BYTES_PER_CHAR = 1.1
#: Flower 2.2 holds 6.8 KiB a task at 1,024 characters and 151 KiB at 50,000: 3.0 bytes each.
MONITOR_BYTES_PER_CHAR = 3.0
#: celery.utils.saferepr takes 0.03 µs a character of texts, 0.18 to 0.25 µs of dictionaries.
CPU_SECONDS_PER_CHAR = 0.2e-6


class Basis(StrEnum):
    """Which measurement the need comes from: the larger one."""

    JSON = "json"
    REPR = "repr"


@dataclass(frozen=True, slots=True)
class Step:
    """A limit that is offered, and for whom it is."""

    limit: int
    title: str
    justification: Sentence


#: The smallest one that holds the need is recommended.
TABLE = (
    Step(128 * 1024, "128 KB", Sentence("Standard for most cases.")),
    Step(512 * 1024, "512 KB", Sentence("For large music libraries.")),
    Step(1024 * 1024, "1 MB", Sentence("For very large collections.")),
    Step(2048 * 1024, "2 MB", Sentence("For very large data sets or massive batches.")),
)
BEYOND = Sentence("More than the table holds: move this payload out of the message.")
NOTHING_MEASURED = Sentence("Nothing was measured yet, so nothing is recommended.")


@dataclass(frozen=True, slots=True)
class Cost:
    """What the shown text of the largest arguments costs, for each message that carries it."""

    shown_chars: int  #: how much of the repr is shown: at most the limit
    message_bytes: int  #: in Redis while the message waits, and again until it is acknowledged
    event_bytes: int  #: in each event that names the arguments: sent, received
    monitor_bytes: int  #: memory of a monitor that keeps events, such as Flower, a task it keeps
    cpu_seconds: float  #: of the sender


@dataclass(frozen=True, slots=True)
class Recommendation:
    """An answer for args or for kwargs."""

    limit: int | None  #: what to set; None: nothing was measured
    need: int  #: 1.2 x the largest, cut off to a whole number
    largest: int  #: characters the need was made of
    basis: Basis
    justification: Sentence
    payload: int  #: JSON characters of the largest arguments
    messages: int  #: how many messages of at most `MOVE_ABOVE_CHARS` would carry that payload
    batch_items: int | None  #: items a batch may have to stay below that; None: not known
    cost: Cost

    @property
    def should_move(self) -> bool:
        """Whether the payload is better kept out of the message."""
        return self.messages > 1

    def why(self) -> Sentence:
        """Where the recommended limit comes from."""
        if self.limit is None:
            return NOTHING_MEASURED
        figures = {"largest": self.largest, "need": self.need}
        if self.basis is Basis.JSON:
            return Sentence(
                "The largest has %(largest)s characters as JSON; with a reserve of 20%% that "
                "is %(need)s.",
                figures,
            )
        return Sentence(
            "The largest has %(largest)s characters as repr, more than as JSON; with a reserve of "
            "20%% that is %(need)s.",
            figures,
        )

    def advice(self) -> tuple[Sentence, ...]:
        """What to do, the better things first."""
        if self.limit is None:
            return ()
        return (*self._moving(), Sentence("Set %(limit)s.", {"limit": self.limit}))

    def price(self) -> Sentence:
        """What showing the largest one whole costs."""
        return Sentence(
            "Shown whole, the largest adds %(message_bytes)s to its message in Redis and "
            "%(event_bytes)s to every event that names it, takes %(monitor_bytes)s in a monitor "
            "that keeps events, and %(cpu_seconds)s of its sender.",
            {
                "message_bytes": self.cost.message_bytes,
                "event_bytes": self.cost.event_bytes,
                "monitor_bytes": self.cost.monitor_bytes,
                "cpu_seconds": self.cost.cpu_seconds,
            },
        )

    def _moving(self) -> tuple[Sentence, ...]:
        if not self.should_move:
            return ()
        ids = Sentence(
            "Better than any limit: send ids and let the task read the %(payload)s characters.",
            {"payload": self.payload},
        )
        if self.batch_items is None:
            return ids, Sentence(
                "Or split the batch: %(messages)s messages or more stay below 64 KB each.",
                {"messages": self.messages},
            )
        return ids, Sentence(
            "Or split the batch: at most %(items)s items a message stay below 64 KB.",
            {"items": self.batch_items},
        )


def recommend(
    largest_chars: int | None, largest_repr_chars: int | None = None, *, items: int | None = None
) -> Recommendation:
    """The limit for arguments of which the largest have `largest_chars` as compact JSON.

    `largest_repr_chars` is the longest untruncated repr that was sampled: it counts where it is
    larger.  `items` is how many items the largest arguments hold.  None or 0: not measured.
    """
    payload, shown = max(largest_chars or 0, 0), max(largest_repr_chars or 0, 0)
    largest = max(payload, shown)
    need = largest * 6 // 5
    limit, justification = _smallest_holding(need) if largest else (None, NOTHING_MEASURED)
    return Recommendation(
        limit=limit,
        need=need,
        largest=largest,
        basis=Basis.REPR if shown > payload else Basis.JSON,
        justification=justification,
        payload=payload,
        messages=max(math.ceil(payload / MOVE_ABOVE_CHARS), 1),
        batch_items=max(items * MOVE_ABOVE_CHARS // payload, 1) if items and payload else None,
        cost=cost(largest, limit or CELERY_LIMIT),
    )


def cost(repr_chars: int, limit: int) -> Cost:
    """What a repr of `repr_chars` costs a message when it is cut at `limit`.

    The factors are the three constants of this module.
    """
    shown = min(repr_chars, limit)
    text_bytes = round(shown * MESSAGE_BYTES_PER_CHAR)
    return Cost(
        shown_chars=shown,
        message_bytes=text_bytes,
        event_bytes=text_bytes,
        monitor_bytes=round(shown * MONITOR_BYTES_PER_CHAR),
        cpu_seconds=shown * CPU_SECONDS_PER_CHAR,
    )


def _smallest_holding(need: int) -> tuple[int, Sentence]:
    """The smallest step of the table that is not below `need`, else the next power of two."""
    for step in TABLE:
        if need <= step.limit:
            return step.limit, step.justification
    return 1 << (need - 1).bit_length(), BEYOND


#: Automatic mode goes no higher unless it is told to: the end of the table.
DEFAULT_CEILING = TABLE[-1].limit
#: It lowers a limit only when so many tasks were measured, and so long after the last change.
LOWER_AFTER_TASKS, LOWER_AFTER_SECONDS = 1_000, 24 * 3600.0


def automatic_limit(
    current: int,
    advised: Recommendation,
    *,
    ceiling: int = DEFAULT_CEILING,
    tasks: int,
    unchanged_seconds: float,
) -> int:
    """The limit that automatic mode wants now; `current` when nothing is to be changed.

    It raises at once when the need is above the limit.  It lowers late, and only to a limit that
    would hold twice the need, so that it never swings.  It never goes above `ceiling`.
    """
    if current > ceiling:
        return ceiling
    if advised.limit is None or current < advised.need:
        return max(current, min(advised.limit or current, ceiling))
    lower = _smallest_holding(2 * advised.need)[0]
    settled = tasks >= LOWER_AFTER_TASKS and unchanged_seconds >= LOWER_AFTER_SECONDS
    return lower if settled and lower < current else current
