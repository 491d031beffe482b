"""The states of a scan.  Every scan ends in one of the final ones, whatever happens to it."""

from __future__ import annotations

from enum import StrEnum


class ScanState(StrEnum):
    """Where a scan is.  `paused` and `stopping` are what a request made of a running scan."""

    QUEUED = "queued"  #: asked for; no worker has taken it yet
    DISCOVERING = "discovering"  #: walking the folders; the total is not known yet
    SCANNING = "scanning"  #: all files are found; reading and storing goes on
    FINISHING = "finishing"  #: all files are stored; names, moved and missing files settle
    PAUSED = "paused"
    STOPPING = "stopping"  #: asked to stop; what is being stored is stored
    COMPLETED = "completed"
    COMPLETED_WITH_PROBLEMS = "completed_with_problems"
    CANCELLED = "cancelled"
    FAILED = "failed"
    SKIPPED = "skipped"  #: not begun, or nothing marked, for the reason given


FINAL = frozenset(
    {
        ScanState.COMPLETED,
        ScanState.COMPLETED_WITH_PROBLEMS,
        ScanState.CANCELLED,
        ScanState.FAILED,
        ScanState.SKIPPED,
    }
)


class ScanMode(StrEnum):
    """How much of a library a scan reads again."""

    QUICK = "quick"  #: skip folders whose listing is unchanged, then files with the same signature
    NORMAL = "normal"  #: compare the signature of every file
    FULL = "full"  #: read every file again
    RETRY = "retry"  #: read only the files again that were a problem
