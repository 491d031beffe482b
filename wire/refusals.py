"""Messages that a worker did not take from its broker: why, and what is kept of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: Characters of `RefusedMessage.detail` and `.head`.
DETAIL_CHARS = 200
HEAD_CHARS = 1000


class Refusal(StrEnum):
    """Why a message was refused."""

    NOT_JSON = "not_json"
    TOO_LARGE = "too_large"  #: as it came, or decompressed
    UNKNOWN_TASK = "unknown_task"
    MALFORMED = "malformed"  #: JSON, but nothing that a task can be made of
    COMMAND = "command"  #: a remote control command that is not obeyed


@dataclass(frozen=True, slots=True)
class RefusedMessage:
    """A message that was refused; its text is whatever somebody wrote."""

    at: float
    source: str  #: the queue, or `remote control`
    kind: Refusal
    detail: str  #: what is wrong with it, for whoever sent it
    size_bytes: int = 0
    head: str = ""  #: how it begins, with escapes for what is not printable ASCII
