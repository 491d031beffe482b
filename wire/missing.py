"""Which missing files the catalog may forget: the question, and what would go."""

from __future__ import annotations

from dataclasses import dataclass

from wire.events import EventError

#: The longest that files are kept: a hundred years.
DAYS_MAX = 36_500
DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class MissingQuestion:
    """Files of one root (its id; "": of all) that are missing since `before` or longer.

    Raises EventError for figures out of range.
    """

    root_id: str = ""
    before: float = 0.0  #: epoch seconds
    limit: int = 50  #: of the files that are named

    def __post_init__(self) -> None:
        if not 0 <= self.limit <= 50:
            raise EventError("a limit from 0 to 50 is needed")


@dataclass(frozen=True, slots=True)
class MissingFile:
    """A file that is missing."""

    path: str  #: display text, relative to the root, cut
    root: str = ""  #: display text
    missing_since: float = 0.0
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class MissingFiles:
    """What a purge would delete from the catalog; on disk nothing is ever deleted."""

    files: int = 0
    tracks: int = 0
    albums: int = 0  #: of which nothing would be left
    artists: int = 0  #: likewise
    size_bytes: int = 0  #: that the files had
    oldest: float | None = None  #: missing since
    newest: float | None = None
    scanned: str = ""  #: a root concerned that is being scanned, so that nothing may go now
    first: tuple[MissingFile, ...] = ()  #: longest missing first


def before(days: int, now: float) -> float:
    """Since when, at least, a file is missing that is missing for `days` days."""
    return now - days * DAY_SECONDS
