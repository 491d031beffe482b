"""What a worker and the watcher say of scans that start, pause and go on by themselves.

They are state, not events: each is written whole under a key that expires with its writer.
"""

from __future__ import annotations

from dataclasses import dataclass

from wire.states import ScanMode

#: Who asked for a scan when nobody did.
SCHEDULE = "schedule"
WATCH = "watch"
#: Who paused one.  In a scan's reason the time at which it goes on follows.
QUIET_HOURS = "quiet hours"


@dataclass(frozen=True, slots=True)
class ScheduleStatus:
    """What the clock will bring."""

    at: float
    next_scan_at: float | None = None  #: None: nothing is scheduled
    next_scan_mode: ScanMode = ScanMode.QUICK
    quiet_until: float | None = None  #: None: it is not quiet now


@dataclass(frozen=True, slots=True)
class WatchStatus:
    """What the watcher sees."""

    at: float
    pid: int
    roots: tuple[str, ...] = ()  #: ids of the music folders that are watched
    changed: int = 0  #: folders that changed and are not quiet yet
    notes: tuple[str, ...] = ()  #: what is not seen and why, plain sentences
