"""How fast a scan goes, from the absolute counts in its events.

Times are monotonic seconds of this process, so a step of the wall clock changes no rate.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from itertools import pairwise
from math import inf

from web.state import RateView
from wire.events import Scan
from wire.outcomes import Outcome
from wire.states import ScanState

#: One point of the curve: files a second over this many seconds.
POINT_SECONDS = 2.0
POINTS = 60
#: Points in the figure "now", and those an estimate needs (30 s).
POINTS_NOW = 5
POINTS_ESTIMATE = 15


def files_done(scan: Scan) -> int:
    """Files of `scan` that have an outcome; missing ones were never there to be done."""
    return sum(count for key, count in scan.counts.items() if key != Outcome.MISSING)


def files_per_second(scan: Scan) -> float | None:
    """From its start to its end or its last news; None before it has done anything."""
    if scan.started_at is None:
        return None
    files, seconds = files_done(scan), (scan.finished_at or scan.updated_at) - scan.started_at
    return files / seconds if files and seconds > 0 else None


class RateMeter:
    """Counts of one scan over time: a ring of `POINTS` points."""

    def __init__(self) -> None:
        self._levels: deque[int] = deque(maxlen=POINTS + 1)  # files done at the end of each point
        self._stage_levels: deque[Mapping[str, int]] = deque(maxlen=POINTS_NOW + 1)
        self._done = 0
        self._stages: Mapping[str, int] = {}  # files that each stage has done
        self._observed_at = -inf
        self._point_ends = 0.0
        self._seen: tuple[object, ...] = ()
        self._peak = 0.0
        self.progress_at: float | None = None  #: when anything last moved

    def observe(self, scan: Scan, at: float) -> None:
        """Take the counts of `scan` as they were at `at`; what is older than known is ignored."""
        if at < self._observed_at:
            return
        self._observed_at = at
        self.advance(at)
        self._done = files_done(scan)
        self._stages = {stage.key: stage.done for stage in scan.stages}
        if not self._levels:
            self._keep_levels()
            self._point_ends = at + POINT_SECONDS
        stages = tuple(self._stages.values())
        seen = (scan.state, self._done, scan.files_found, scan.folders_found, stages)
        if seen != self._seen:
            self._seen = seen
            self.progress_at = at

    def advance(self, now: float) -> None:
        """Close the points that ended before `now`: no news means no progress."""
        if not self._levels:
            return
        if now - self._point_ends > POINTS * POINT_SECONDS:  # asleep for long: begin anew
            self._levels.clear()
            self._stage_levels.clear()
            self._keep_levels()
            self._point_ends = now + POINT_SECONDS
        while self._point_ends <= now:
            self._peak = max(self._peak, (self._done - self._levels[-1]) / POINT_SECONDS)
            self._keep_levels()
            self._point_ends += POINT_SECONDS

    def _keep_levels(self) -> None:
        self._levels.append(self._done)
        self._stage_levels.append(self._stages)

    def view(self, scan: Scan, now: float, wall: float) -> RateView:
        """The figures at `now` (monotonic), which is `wall` in epoch seconds."""
        if not scan.is_final:
            self.advance(now)
        levels = list(self._levels)
        points = tuple(max(after - before, 0) / POINT_SECONDS for before, after in pairwise(levels))
        rate = files_per_second(scan) if scan.is_final else _mean(points[-POINTS_NOW:])
        return RateView(
            files_per_second=rate,
            peak=max(self._peak, rate or 0.0),  # a short scan is over before its first point ends
            points=points,
            stages={} if scan.is_final else self._stage_rates(),
            last_progress_at=None if self.progress_at is None else wall - now + self.progress_at,
            eta_seconds=_estimate(scan, points),
        )

    def _stage_rates(self) -> dict[str, float]:
        """Files a second of each stage now; of one that has just appeared nothing is known."""
        if len(self._stage_levels) < 2:
            return {}
        before, after = self._stage_levels[0], self._stage_levels[-1]
        seconds = (len(self._stage_levels) - 1) * POINT_SECONDS
        return {
            key: max(after[key] - before[key], 0) / seconds for key in after.keys() & before.keys()
        }


def _mean(points: tuple[float, ...]) -> float | None:
    return sum(points) / len(points) if points else None


def _estimate(scan: Scan, points: tuple[float, ...]) -> float | None:
    rate = _mean(points)
    if scan.discovered_at is None or scan.state is not ScanState.SCANNING:
        return None
    if len(points) < POINTS_ESTIMATE or not rate:
        return None
    return max(scan.files_found - files_done(scan), 0) / rate
