"""Putting scans right: work that died is sent again, Redis is told again what it forgot.

It may run at any time, in any process, twice at once: everything it decides is decided by the
catalog in a transaction.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

from wire import keys as wire_keys
from wire.events import EventError, RootStatus, Scan, load
from wire.names import SCAN_DISCOVERY, STAGES, scan_id_at
from wire.roots import Root
from wire.starting import discovery_arguments
from wire.states import ScanState
from wire.transport import waiting_lists
from worker import pipeline, trouble
from worker.catalog import browse, journal, queries
from worker.services import Services

#: Seconds after which a queued scan that the catalog does not know is sent again.
FORGOTTEN_SECONDS = 10
ENTRIES_COUNTED = 10_000


def reconcile(services: Services) -> None:
    """Send again what died or was lost, walk what nobody walks, end what is done."""
    limit = pipeline.in_flight_limit(services)
    result = journal.reconcile(services.catalog, services.epoch(), limit, _drained(services))
    pipeline.send_batches(services, result.dispatches)
    for scan_id in result.discover:
        scan = queries.read_scan(services.catalog, scan_id)
        if scan is not None:
            send_discovery(services, scan)
    for scan_id in result.finish:
        pipeline.finish(services, scan_id)


def _drained(services: Services) -> frozenset[str]:
    """The stages for which no message waits in Redis."""
    with services.redis.pipeline(transaction=False) as pipe:
        for stage in STAGES:
            pipe.exists(*waiting_lists(stage.key))
        return frozenset(s.key for s, n in zip(STAGES, pipe.execute(), strict=True) if not n)


def send_discovery(services: Services, scan: Scan) -> None:
    """Send (again) the task that finds a scan's files."""
    pipeline.send(services, SCAN_DISCOVERY, **discovery_arguments(scan))


def correct_view(services: Services) -> None:
    """Put right what Redis says of the scans it takes for active.

    One that the catalog does not know was queued and its message lost: it is sent again.  One
    that went on without a word, because the process that knew died, is published.  A root that
    is taken by a scan of which there is no trace is given back.
    """
    for root_id, scan_id, shown in _active(services):
        scan = queries.read_scan(services.catalog, scan_id)
        if scan is None and shown is None:
            # Whoever has taken it a moment ago is about to say what for.
            if time.time() - scan_id_at(scan_id) >= FORGOTTEN_SECONDS:
                services.redis.hdel(services.keys.active, root_id)
        elif scan is None and shown is not None:
            if abs(time.time() - shown.requested_at) >= FORGOTTEN_SECONDS:
                send_discovery(services, shown)
        elif scan is not None and scan.is_final:
            say_ended(services, scan_id)
        elif scan is not None and (shown is None or scan.revision > shown.revision):
            services.progress.scan(scan)


def _active(services: Services) -> Iterator[tuple[str, str, Scan | None]]:
    """The roots that are taken in Redis, by which scans, and what Redis says of these."""
    taken = cast("dict[bytes, bytes]", services.redis.hgetall(services.keys.active))
    for root, scan in taken.items():
        scan_id = scan.decode("ascii", "replace")
        doc = cast("bytes | None", services.redis.hget(services.keys.scan(scan_id), "doc"))
        try:
            yield root.decode("ascii", "replace"), scan_id, load(Scan, doc or b"")
        except EventError:
            yield root.decode("ascii", "replace"), scan_id, None


def end_queued(services: Services, scan_id: str, state: ScanState, reason: str) -> None:
    """End a scan that no worker began: the catalog does not know it."""
    for _, active_id, scan in _active(services):
        if active_id == scan_id and scan is not None:
            now, revision = time.time(), scan.revision + 1
            services.progress.scan(
                replace(
                    scan, state=state, reason=reason, revision=revision,
                    finished_at=now, updated_at=now,
                )
            )  # fmt: skip


def restore_view(services: Services, *, starting: bool) -> None:
    """Write scans, problems and folders to Redis when it was emptied, or a worker comes up."""
    emptied = services.redis.set(services.keys.restored, 1, nx=True)
    if not emptied and not starting:
        return
    if emptied and not starting:
        services.progress.activity("redis.emptied", "system")
    look_at_roots(services)
    services.progress.overview(browse.overview(services.catalog))
    for scan in reversed(queries.recent_scans(services.catalog, wire_keys.SCANS_KEPT)):
        services.progress.scan(scan)
    for scan in queries.recent_scans(services.catalog, wire_keys.PROBLEMS_SCANS_KEPT):
        pipeline.publish_problems(services, scan.id)


def say_ended(services: Services, scan_id: str) -> None:
    """Publish the end of a scan, and what has become of its folder and the catalog."""
    scan = tell_end(services, scan_id)
    if scan is None:
        return
    root = services.root(scan.root_id)
    if root is not None:
        look_at_root(services, root)
    services.progress.overview(browse.overview(services.catalog))


def tell_end(services: Services, scan_id: str) -> Scan | None:
    """Publish the end of a scan, without a look at its folder."""
    scan = queries.read_scan(services.catalog, scan_id)
    if scan is None:
        return None
    pipeline.publish_problems(services, scan_id)
    services.progress.scan(scan)
    trouble.take_back(services)
    services.progress.activity(
        f"scan.{scan.state.value}", "system", scan_id=scan.id, target=scan.root,
        detail=scan.reason,
    )  # fmt: skip
    return scan


def refresh_overview(services: Services) -> None:
    """Say once a minute what is in the catalog while a scan changes it."""
    keys, client = services.keys, services.redis
    if client.hlen(keys.active) and client.set(
        keys.overview_due, 1, nx=True, ex=wire_keys.OVERVIEW_SECONDS
    ):
        services.progress.overview(browse.overview(services.catalog))


def look_at_roots(services: Services) -> None:
    """Say of every configured music folder whether it can be read."""
    for root in services.settings.shared.roots:
        look_at_root(services, root)


def look_at_root(services: Services, root: Root) -> None:
    """Say of a music folder whether it can be read, and how many entries and known files it has."""
    readable, message, entries = True, "", 0
    try:
        with os.scandir(root.path) as listing:
            for _ in listing:
                entries += 1
                if entries == ENTRIES_COUNTED:
                    break
    except OSError as error:
        readable, message = False, error.strerror or type(error).__name__
    status = RootStatus(
        id=root.id,
        display=root.display,
        readable=readable,
        message=message,
        entries=entries,
        known_files=queries.known_file_count(services.catalog, root.id),
        missing_files=queries.missing_file_count(services.catalog, root.id),
        checked_at=time.time(),
    )
    services.progress.root(status)
