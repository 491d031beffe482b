"""What workers would have said: real wire events, written into a real Redis."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any, cast

import redis

from wire import keys as wire_keys
from wire.events import (
    Activity,
    Event,
    Problem,
    Reason,
    RootStatus,
    Scan,
    ScanAt,
    ScanChanged,
    StageCount,
    WorkerBeat,
    dump,
    encode,
)
from wire.keys import Keys
from wire.names import QUEUE_NAMES, new_scan_id
from wire.roots import make_root
from wire.schedule import ScheduleStatus, WatchStatus
from wire.scripts import PUBLISH_SCAN
from wire.states import ScanMode, ScanState

FOUND = 50_000
COUNTS = {"new": 11_000, "updated": 500, "unchanged": 518, "unreadable": 12, "timed_out": 3}
FORMATS = {"mp3": 8_000, "flac": 3_200, "m4a": 500, "opus": 318}
REASONS = (Reason("timed_out", "FileTimeout", 3), Reason("unreadable", "HeaderNotFoundError", 12))


def stages(done: int, found: int = FOUND) -> tuple[StageCount, ...]:
    """The four stages of a scan that has stored `done` files."""
    return (
        StageCount("scan", found, found),
        StageCount("extract", done + 431, found, 2_431, 15),
        StageCount("batch", done + 20, found, 12),
        StageCount("insert", done, found),
    )


class World:
    """One music folder, one worker, and scans as the test says."""

    def __init__(self, client: redis.Redis, prefix: str, music: Path) -> None:
        self.redis, self.keys, self.root = client, Keys(prefix), make_root(str(music))
        self._publish = client.register_script(PUBLISH_SCAN)
        self._revision = 0
        client.set(self.keys.epoch, "tests")

    def say(self, event: Event, entry_id: str = "*") -> None:
        """Add `event` to the stream that the page follows."""
        self.redis.xadd(self.keys.events, cast(Any, encode(event)), id=entry_id)

    def root_seen(self, **changes: Any) -> None:
        """A worker has looked at the music folder."""
        status = RootStatus(self.root.id, self.root.display, True, entries=312, known_files=FOUND)
        status = dataclasses.replace(status, checked_at=time.time(), **changes)
        self.redis.hset(self.keys.roots, self.root.id, dump(status))

    def worker_beats(self, **changes: Any) -> WorkerBeat:
        """A worker says that it is alive; the next beat is due in ten minutes."""
        now = time.time()
        beat = WorkerBeat(
            "needle@music-box", 42, now, now - 900, 600.0, QUEUE_NAMES, 4, 4, 3, 162_000_000, 187.0
        )
        beat = dataclasses.replace(beat, **changes)
        self.redis.set(self.keys.worker(beat.worker), dump(beat), ex=600)
        self.redis.zadd(self.keys.workers, {beat.worker: beat.at})
        self.say(beat)
        return beat

    def scan(self, state: str, **changes: Any) -> Scan:
        """A new scan, in that state."""
        now = time.time()
        started = None if state == "queued" else now - 3_720
        scan = Scan(
            new_scan_id(), self.root.id, self.root.display, ScanMode.FULL, ScanState(state),
            requested_at=now, requested_by="page", started_at=started, updated_at=now,
        )  # fmt: skip
        if started:
            scan = dataclasses.replace(
                scan, files_found=FOUND, folders_found=4_012, counts=COUNTS, formats=FORMATS,
                stages=stages(12_018), reasons=REASONS, bytes_read=88_000_000_000,
            )  # fmt: skip
        if scan.is_final:
            scan = dataclasses.replace(scan, finished_at=now)
        return self.change(scan, **changes)

    def change(self, scan: Scan, **changes: Any) -> Scan:
        """Publish `scan` with `changes`, as the next revision."""
        self._revision += 1
        scan = dataclasses.replace(scan, revision=self._revision, **changes)
        fields = [item for pair in encode(ScanChanged(scan)).items() for item in pair]
        self._publish(
            keys=[self.keys.scan(scan.id), self.keys.scans, self.keys.active, self.keys.events],
            args=[
                scan.revision, dump(scan), scan.id, scan.requested_at, scan.root_id,
                "1" if scan.is_final else "0", wire_keys.SCANS_KEPT, wire_keys.EVENTS_LENGTH,
                *fields,
            ],
        )  # fmt: skip
        return scan

    def at(self, scan: Scan, path: str, stage: str = "extract") -> None:
        """A stage of `scan` has come to `path`."""
        self.say(ScanAt(scan.id, stage, path, time.time()))

    def problems(self, scan: Scan, *paths: str, **changes: Any) -> None:
        """Files of `scan` with problems."""
        for number, path in enumerate(paths, 1):
            problem = Problem(number, path, "unreadable", "HeaderNotFoundError", "can't sync", 9)
            text = dump(dataclasses.replace(problem, at=time.time(), **changes))
            self.redis.zadd(self.keys.problems(scan.id), {text: number})

    def schedule(self, **changes: Any) -> None:
        """A worker says what the clock will bring."""
        status = ScheduleStatus(time.time(), **changes)
        self.redis.set(self.keys.schedule, dump(status), ex=600)

    def watched(self, *notes: str) -> None:
        """The watcher says that it watches the music folder."""
        status = WatchStatus(time.time(), 43, roots=(self.root.id,), notes=notes)
        self.redis.set(self.keys.watch, dump(status), ex=600)

    def activity(self, action: str, **changes: Any) -> None:
        """Somebody did something."""
        event = dataclasses.replace(Activity(time.time(), "page", action), **changes)
        self.redis.xadd(self.keys.activity, cast(Any, encode(event)))
