"""What is known now: events and snapshots go in, frozen States come out.  No I/O.

1. Of two records of a scan the one with the larger revision is right, in whatever order they come.
2. A snapshot replaces everything, so a doubt never outlives it.
3. Whatever is in an entry, nothing here raises and nothing grows without bound.
4. Ages are monotonic: neither a worker's clock nor a step of ours makes a worker silent.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence

from web.entries import read_event
from web.rates import RateMeter
from web.snapshot import (
    ROWS,
    WORKERS_MAX,
    Pulse,
    Snapshot,
    merged,
    problems_total,
    shown_scan,
)
from web.state import (
    AT_WORK,
    BEATS_MISSED,
    SCANS_SHOWN,
    STALLED_SECONDS,
    QueueView,
    RateView,
    State,
    WorkerView,
    phase_of,
)
from wire.alerts import Alert
from wire.events import Activity, Scan, ScanAt, ScanChanged, WorkerBeat, WorkerGone
from wire.names import QUEUE_NAMES
from wire.roots import Root
from wire.sentences import Sentence

#: Seconds after which a silent worker is forgotten.
FORGET_WORKER_SECONDS = 600.0


class Model:
    """The live picture of one Redis."""

    def __init__(self, roots: Sequence[Root] = ()) -> None:
        self.scans: dict[str, Scan] = {}
        self.pulse = Pulse(roots=tuple(merged(root, None) for root in roots))
        self.skipped_entries = 0
        self.alerts: tuple[Alert, ...] = ()
        self.sizes: Sentence | None = None
        self._at: dict[str, ScanAt] = {}
        self._beats: dict[str, tuple[WorkerBeat, float]] = {}
        self._activity: deque[Activity] = deque(maxlen=ROWS)
        self._meters: dict[str, RateMeter] = {}

    def replace(self, snapshot: Snapshot) -> None:
        """Take `snapshot` for everything but the curves, which go on."""
        now = time.monotonic()
        self.scans = {scan.id: scan for scan in snapshot.scans}
        self.pulse = snapshot.pulse
        self._at = {key: at for key, at in self._at.items() if key in self.scans}
        self._beats = {beat.worker: (beat, now - age) for beat, age in snapshot.beats}
        self._activity = deque(snapshot.activity, maxlen=ROWS)
        self._meters = {key: m for key, m in self._meters.items() if key in self.scans}
        for scan in self.scans.values():
            self._observe(scan, now)

    def replay(self, fields: Mapping[bytes, bytes], age_seconds: float) -> None:
        """Use an old entry for the curve of its scan and for where the scan is."""
        shown = fields.get(b"type") in (b"ScanChanged", b"ScanAt")
        match read_event(fields) if shown else None:
            case ScanChanged(scan=scan):
                self._observe(scan, time.monotonic() - max(age_seconds, 0.0))
            case ScanAt() as event:
                self._at[event.scan_id] = event

    def apply(self, fields: Mapping[bytes, bytes]) -> bool:
        """Take in a new entry; whether it changed anything that is shown."""
        match event := read_event(fields):
            case ScanChanged(scan=scan):
                return self.take_scan(scan)
            case ScanAt():
                if event.scan_id not in self.scans:
                    return False
                self._at[event.scan_id] = event
            case WorkerBeat():
                self._beats[event.worker] = (event, time.monotonic())
                if len(self._beats) > WORKERS_MAX:
                    del self._beats[min(self._beats, key=lambda name: self._beats[name][1])]
            case WorkerGone():
                self._beats.pop(event.worker, None)
            case Activity():
                self._activity.appendleft(event)
            case None:
                self.skipped_entries += 1
        return True

    def take_scan(self, scan: Scan) -> bool:
        """Take in a scan; whether it is new and shown."""
        known = self.scans.get(scan.id)
        if known and scan.revision < known.revision:
            return False
        self.scans[scan.id] = scan
        self._observe(scan, time.monotonic())
        if len(self.scans) > 2 * SCANS_SHOWN:
            oldest = min(self.scans.values(), key=lambda s: (not s.is_final, s.requested_at))
            del self.scans[oldest.id], self._meters[oldest.id]
            self._at.pop(oldest.id, None)
        return scan.id in self.scans

    def emptied(self, pulse: Pulse) -> bool:
        """Whether `pulse` tells of another Redis than the one this picture was taken of."""
        # A worker gives Redis its epoch: having none before it came is not another one.
        other_epoch = self.pulse.epoch is not None and pulse.epoch != self.pulse.epoch
        return other_epoch or (pulse.newest not in self.scans if pulse.newest else bool(self.scans))

    def shown(self) -> Scan | None:
        """The scan that the page is about."""
        return shown_scan(self.scans.values())

    def state(self, *, version: int, redis_error: str, fresh_at: float) -> State:
        """The State now; `redis_error` is "" while Redis answers."""
        now, wall, scan = time.monotonic(), time.time(), self.shown()
        newest_first = sorted(
            self.scans.values(), key=lambda s: (s.requested_at, s.id), reverse=True
        )
        workers = self._worker_views(now)
        rate = self._meters[scan.id].view(scan, now, wall) if scan else RateView()
        stalled = _stalled_seconds(scan, rate, wall)
        return State(
            version=version,
            at=wall,
            redis_ok=not redis_error,
            redis_error=redis_error or self.pulse.refusal,
            catalog_error=self.pulse.trouble,
            fresh_at=fresh_at,
            scan=scan,
            active=tuple(s for s in reversed(newest_first) if not s.is_final),
            now=self._at.get(scan.id) if scan else None,
            last_scans=tuple(newest_first[:SCANS_SHOWN]),
            problems=self.pulse.problems if scan else (),
            problems_total=problems_total(scan, self.pulse.problems_kept) if scan else 0,
            workers=workers,
            queues=tuple(self._queue_view(name, workers) for name in QUEUE_NAMES),
            in_flight=self.pulse.in_flight,
            roots=self.pulse.roots,
            schedule=self.pulse.schedule,
            watch=self.pulse.watch,
            alerts=self.alerts,
            sizes=self.sizes,
            refused=self.pulse.refused,
            last_refused=self.pulse.last_refused,
            activity=tuple(self._activity),
            rate=rate,
            phase=phase_of(
                redis_ok=not redis_error,
                workers=workers,
                scan=scan,
                roots=self.pulse.roots,
                stalled=stalled > 0,
            ),
            stalled_seconds=stalled,
            skipped_entries=self.skipped_entries,
        )

    def _observe(self, scan: Scan, at: float) -> None:
        self._meters.setdefault(scan.id, RateMeter()).observe(scan, at)

    def _worker_views(self, now: float) -> tuple[WorkerView, ...]:
        """Workers by name; those long silent are forgotten."""
        self._beats = {
            name: (beat, heard)
            for name, (beat, heard) in self._beats.items()
            if now - heard < FORGET_WORKER_SECONDS
        }
        return tuple(
            WorkerView(beat, silent=now - heard > BEATS_MISSED * max(beat.interval_seconds, 1.0))
            for _, (beat, heard) in sorted(self._beats.items())
        )

    def _queue_view(self, name: str, workers: Sequence[WorkerView]) -> QueueView:
        consumers = sum(name in worker.beat.queues for worker in workers if not worker.silent)
        return QueueView(name, self.pulse.waiting.get(name), consumers)


def _stalled_seconds(scan: Scan | None, rate: RateView, wall: float) -> float:
    """How long `scan` has been at work without progress; 0.0 when that is normal."""
    if scan is None or scan.state not in AT_WORK or rate.last_progress_at is None:
        return 0.0
    silence = wall - rate.last_progress_at
    return silence if silence >= STALLED_SECONDS else 0.0
