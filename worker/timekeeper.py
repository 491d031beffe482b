"""Acting on the clock: quiet hours pause scans, schedules and the watcher start them.

1. It runs within the reconciling task, at any time, in any worker, twice at once.
2. A scheduled time is used once: what was started is remembered in Redis, and by the catalog
   for the day that Redis forgets.
3. What a person asked for wins: their pause is not ended, what they let run is not paused.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import cast
from zoneinfo import ZoneInfo

from wire.events import dump
from wire.keys import CONTROL_TTL, SCHEDULE_TTL
from wire.roots import Root
from wire.schedule import QUIET_HOURS, SCHEDULE, WATCH, ScheduleStatus
from wire.states import ScanMode
from wire.text import path_from_wire
from worker import pipeline
from worker.catalog import actors, scans
from worker.catalog.actors import Running
from worker.schedule import LATE_SECONDS, MODES, due_mode, next_scan, quiet_period
from worker.services import Services
from worker.starting import start_scan

#: Seconds for which one process decides alone: more than its task may take.
TURN_SECONDS = 90


def keep_time(services: Services) -> None:
    """Pause, resume and start what the clock and the settings say."""
    now, zone = time.time(), services.settings.timezone
    quiet = quiet_period(services.settings.quiet_hours, now, zone)
    _keep_quiet(services, quiet, zone)
    if quiet is None:
        _start_due(services, now, zone)
    _tell(services, quiet, now, zone)


def let_run(services: Services, scan_id: str) -> None:
    """Somebody resumed a scan: quiet hours leave it alone until the next ones."""
    now, settings = time.time(), services.settings
    quiet = quiet_period(settings.quiet_hours, now, settings.timezone)
    if quiet is not None:
        services.redis.set(services.keys.awake(scan_id), 1, ex=math.ceil(quiet[1] - now))


def _keep_quiet(services: Services, quiet: tuple[float, float] | None, zone: ZoneInfo) -> None:
    """Pause what runs in quiet hours, resume what they have paused."""
    for scan in actors.running_scans(services.catalog):
        if scan.paused_by and not scan.paused_by.startswith(QUIET_HOURS):
            continue
        wanted = ""
        if quiet is not None and (scan.paused_by or not _may_run(services, scan, quiet[0])):
            wanted = f"{QUIET_HOURS} until {datetime.fromtimestamp(quiet[1], zone):%H:%M}"
        if scan.paused_by and scan.paused_by != wanted:
            _resume(services, scan.scan_id)
        if wanted and scan.paused_by != wanted:
            _pause(services, scan.scan_id, wanted)


def _may_run(services: Services, scan: Running, quiet_from: float) -> bool:
    """Whether a person started or resumed the scan although it is quiet."""
    if scan.requested_at >= quiet_from and scan.requested_by not in (SCHEDULE, WATCH):
        return True
    return bool(services.redis.exists(services.keys.awake(scan.scan_id)))


def _pause(services: Services, scan_id: str, actor: str) -> None:
    if scans.request_pause(services.catalog, scan_id, actor).changed:
        control = services.keys.control(scan_id)
        services.redis.hset(control, "pause", actor)
        services.redis.expire(control, CONTROL_TTL)
        services.progress.activity("scan.paused", QUIET_HOURS, scan_id=scan_id)
        pipeline.publish(services, scan_id, always=True)


def _resume(services: Services, scan_id: str) -> None:
    change = scans.request_resume(services.catalog, scan_id)
    if change.changed:
        services.redis.hdel(services.keys.control(scan_id), "pause")
        services.progress.activity("scan.resumed", QUIET_HOURS, scan_id=scan_id)
        pipeline.publish(services, scan_id, always=True)
    if change.finish:
        pipeline.finish(services, scan_id)


def _start_due(services: Services, now: float, zone: ZoneInfo) -> None:
    """Start what is scheduled and what the watcher saw change; a root that is busy waits."""
    turn = services.keys.schedule_turn
    if not services.redis.set(turn, 1, nx=True, ex=TURN_SECONDS):
        return
    try:
        for root in services.settings.shared.roots:
            _start_scheduled(services, root, now, zone)
            _start_changed(services, root)
    finally:
        services.redis.delete(turn)


def _start_scheduled(services: Services, root: Root, now: float, zone: ZoneInfo) -> None:
    rules = services.settings.schedule
    if not rules:
        return
    mode = due_mode(rules, _handled(services, root, now), now, zone)
    if mode is not None and start_scan(services, root, b"", mode, SCHEDULE):
        services.redis.hset(services.keys.scheduled, f"{root.id}:{mode}", str(now))
        services.redis.hdel(services.keys.changed, root.id)


def _start_changed(services: Services, root: Root) -> None:
    folder = cast("bytes | None", services.redis.hget(services.keys.changed, root.id))
    if folder is None:
        return
    path = path_from_wire(folder.decode("ascii", "replace"))
    if start_scan(services, root, path, ScanMode.QUICK, WATCH):
        # What is reported meanwhile was quiet before this scan began, so it is seen by it.
        services.redis.hdel(services.keys.changed, root.id)


def _handled(services: Services, root: Root, now: float) -> Mapping[ScanMode, float]:
    """When the last scheduled scan of a root began, for each mode; 0 for none.

    Of a root without any, what passed before its schedule was first seen is not made up for.
    """
    key = services.keys.scheduled
    fields = [f"{root.id}:{mode}" for mode in MODES]
    stored = cast("list[bytes | None]", services.redis.hmget(key, fields))
    catalog = actors.last_requests(services.catalog, root.id, SCHEDULE)
    handled = {
        mode: max(_passed(text, now), _passed(catalog.get(mode), now))
        for mode, text in zip(MODES, stored, strict=True)
    }
    if not any(handled.values()):
        handled[MODES[-1]] = now
        services.redis.hset(key, fields[-1], str(now))
    return handled


def _passed(written: bytes | float | None, now: float) -> float:
    """A moment that was written down; 0 for none, and for one of a clock that was far ahead."""
    try:
        moment = float(written or 0)
    except ValueError:
        return 0.0
    return moment if 0 <= moment <= now + LATE_SECONDS else 0.0


def _tell(
    services: Services, quiet: tuple[float, float] | None, now: float, zone: ZoneInfo
) -> None:
    """Publish what the clock will bring."""
    settings = services.settings
    coming = next_scan(settings.schedule, settings.quiet_hours, now, zone)
    status = ScheduleStatus(at=now, quiet_until=quiet[1] if quiet else None)
    if coming is not None:
        status = replace(status, next_scan_at=coming[0], next_scan_mode=coming[1])
    services.redis.set(services.keys.schedule, dump(status), ex=SCHEDULE_TTL)
