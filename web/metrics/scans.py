"""Families about scans and about the page itself."""

from __future__ import annotations

from web.metrics.exposition import Family
from web.state import State
from wire.outcomes import Outcome


def scan_families(state: State) -> list[Family]:
    """The scan at work, or the newest one; nothing when none is known."""
    active = Family("needle_scans_active", "gauge", "Scans that have not ended.")
    active.set(len(state.active))
    found = Family("needle_scan_files_found", "gauge", "Files found by the scan.")
    files = Family("needle_scan_files", "gauge", "Files of the scan by outcome.", ("outcome",))
    speed = Family("needle_scan_files_per_second", "gauge", "How fast the scan goes.")
    backlog = Family(
        "needle_scan_stage_backlog_files", "gauge", "Files a stage has not done.", ("stage",)
    )
    failed = Family(
        "needle_scan_stage_failed_files", "gauge", "Files that a stage could not do.", ("stage",)
    )
    stalled = Family(
        "needle_scan_stalled_seconds", "gauge", "For how long the scan has made no progress."
    )
    catalog = Family("needle_catalog_up", "gauge", "Whether the catalog can be used.")
    catalog.set(int(not state.catalog_error))
    scan = state.scan
    if scan is not None:
        stalled.set(round(state.stalled_seconds, 3))
        found.set(max(0, scan.files_found))
        for outcome in Outcome:
            files.set(max(0, scan.counts.get(outcome, 0)), outcome.value)
        speed.set(0.0 if scan.is_final else state.rate.files_per_second)
        for stage in scan.stages[:20]:
            backlog.set(max(0, stage.waiting), stage.key)
            failed.set(max(0, stage.failed), stage.key)
    return [active, found, files, speed, stalled, backlog, failed, catalog]


def page_families(state: State, *, sse_clients: int, redis_up: bool) -> list[Family]:
    """What is known even without Redis."""
    up = Family("needle_redis_up", "gauge", "Whether Redis can be used.")
    up.set(int(redis_up))
    clients = Family("needle_sse_clients", "gauge", "Pages that follow live.")
    clients.set(sse_clients)
    skipped = Family(
        "needle_skipped_entries_total", "counter", "Entries of streams that are none of ours."
    )
    skipped.set(state.skipped_entries)
    return [up, clients, skipped]
