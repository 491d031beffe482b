"""What can become of a file in a scan.  Every file of every scan has exactly one outcome."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """The outcome of one file in one scan."""

    NEW = "new"  #: read and stored for the first time
    UPDATED = "updated"  #: read again: it has changed, or a full scan was asked for
    UNCHANGED = "unchanged"  #: same signature as stored: not opened
    MOVED = "moved"  #: a known track at a new path; its id is kept
    MISSING = "missing"  #: stored earlier, no longer there: marked, never deleted
    TAGS_ONLY = "tags_only"  #: tags were read, but no playable audio was found
    UNSUPPORTED = "unsupported"  #: an audio format whose tags Needle cannot read
    UNREADABLE = "unreadable"  #: damaged, empty, mislabelled beyond recognition, or I/O error
    PERMISSION = "permission"  #: the worker may not read it
    TIMED_OUT = "timed_out"  #: reading took longer than the file time limit
    TOO_LARGE = "too_large"  #: reading took more memory than the file memory limit
    QUARANTINED = "quarantined"  #: killed its process twice; left alone until it changes


#: Tracks that are in the catalog after the scan.
STORED = frozenset(
    {Outcome.NEW, Outcome.UPDATED, Outcome.UNCHANGED, Outcome.MOVED, Outcome.TAGS_ONLY}
)

#: What the page lists as a problem, worst first.
PROBLEMS = (
    Outcome.QUARANTINED,
    Outcome.TIMED_OUT,
    Outcome.TOO_LARGE,
    Outcome.PERMISSION,
    Outcome.UNREADABLE,
    Outcome.UNSUPPORTED,
    Outcome.TAGS_ONLY,
)
