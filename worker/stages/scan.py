"""Queue `scan`: the beginning and the end of a scan, requests about it, and putting it right."""

from __future__ import annotations

import math
import time
from functools import partial

from celery import shared_task
from sqlalchemy.exc import SQLAlchemyError

from wire.keys import RECONCILED_TTL
from wire.names import SCAN_CONTROL, SCAN_DISCOVERY, SCAN_FINISH, SCAN_RECONCILE, is_scan_id
from wire.states import ScanMode, ScanState
from wire.text import escape_controls, path_from_wire
from worker import control, crash, mount, pipeline, reconciler, timekeeper, upkeep
from worker.catalog import discovery as found
from worker.catalog import queries, scans
from worker.catalog.finish import finish_scan
from worker.catalog.finishing import release_finishing
from worker.catalog.owner import Owner
from worker.catalog.scans import Begin, ScanRequest
from worker.discovery import LEASE_SECONDS, Discovery, RootChangedError
from worker.services import Services, services

#: Times that the walk of one scan is begun, pauses and deaths included.
MAX_WALKS = 50
#: Characters of the name of who asked.
PERSON_CHARS = 200


@shared_task(name=SCAN_DISCOVERY, soft_time_limit=7000, time_limit=7200)
def discovery(
    scan_id: str,
    root_id: str,
    folder: str,
    mode: str,
    requested_by: str,
    requested_at: float,
    mark_anyway: bool = False,
) -> None:
    """Find the files of a scan and hand them out in batches.

    `folder`, which may be a file, is percent-encoded (`wire.text.path_to_wire`).  A root this
    worker was not configured with, or a folder outside of it, ends the scan with a reason.
    """
    here, requested_by = services(), _person(requested_by)
    _require_id(scan_id)
    if not math.isfinite(requested_at):
        raise ValueError("the time of the request is no time")
    root = here.root(root_id)
    if root is None:
        reason = "no worker is configured with this music folder (NEEDLE_MUSIC)"
        reconciler.end_queued(here, scan_id, ScanState.FAILED, reason)
        return
    request = ScanRequest(
        scan_id,
        root,
        ScanMode(mode),
        requested_at,
        requested_by,
        path_from_wire(folder),
        mark_anyway,
    )
    crash.step(here)
    stopped_by = here.redis.hget(here.keys.control(scan_id), "stop")
    if isinstance(stopped_by, bytes) and queries.read_scan(here.catalog, scan_id) is None:
        reason = f"stopped by {stopped_by.decode()} before it began"
        reconciler.end_queued(here, scan_id, ScanState.CANCELLED, reason)
        return
    begun = scans.begin_scan(here.catalog, request)
    if begun.status is Begin.BUSY:
        reason = f"another scan of this folder is running: {begun.scan_id}"
        reconciler.end_queued(here, scan_id, ScanState.SKIPPED, reason)
        return
    if begun.status is Begin.STARTED:
        here.progress.activity(
            "scan.started", requested_by, scan_id=scan_id, target=root.display, detail=mode
        )
    if control.obey(here, scan_id):
        reconciler.reconcile(here)
        pipeline.publish(here, scan_id, always=True)
        return
    was_mounted = queries.was_mounted(here.catalog, root_id)
    doubt = mount.doubt(root.path, request.folder, was_mounted=was_mounted)
    if doubt is not None and not (doubt.overridable and mark_anyway):
        known = queries.known_file_count(here.catalog, root_id) if doubt.overridable else 0
        _skip(here, scan_id, doubt.reason, would_mark=known)
        return
    _walk(here, scan_id)


def _require_id(scan_id: str) -> None:
    """Raise ValueError for what cannot be the id of a scan."""
    if not is_scan_id(scan_id):
        raise ValueError(f"{scan_id[:40]!r} is no scan id")


def _person(name: str) -> str:
    """Who asked for something, as it is stored: anybody may have written it."""
    return escape_controls(name)[:PERSON_CHARS]


def _walk(here: Services, scan_id: str) -> None:
    """Claim the walk of a scan and do it, if nobody else does."""
    owner = Owner.current()
    release = partial(found.release_discovery, here.catalog, scan_id, owner)
    try:
        claim = found.claim_discovery(here.catalog, scan_id, owner, LEASE_SECONDS)
    except SQLAlchemyError:
        here.debts.owe(release)
        raise
    if claim is not None and claim.attempt > MAX_WALKS:
        reason = f"Looking for files was begun {MAX_WALKS} times and never ended: see the log."
        scans.fail_scan(here.catalog, scan_id, ScanState.FAILED, reason)
        reconciler.say_ended(here, scan_id)
        return
    if claim is not None:
        pipeline.publish(here, scan_id, always=True)
        try:
            if not Discovery(here, claim, owner).run():
                control.obey(here, scan_id)
        except RootChangedError:
            _skip(here, scan_id, f"{claim.root.display} was unmounted while it was scanned.")
        finally:
            here.debts.give_back(release)
    pipeline.publish(here, scan_id, always=True)
    reconciler.reconcile(here)


def _skip(here: Services, scan_id: str, reason: str, *, would_mark: int = 0) -> None:
    """End a scan that cannot be trusted; nothing is marked missing."""
    scans.fail_scan(here.catalog, scan_id, ScanState.SKIPPED, reason, would_mark=would_mark)
    reconciler.say_ended(here, scan_id)


@shared_task(name=SCAN_CONTROL, soft_time_limit=50, time_limit=60)
def request(scan_id: str, action: str, actor: str) -> None:
    """Stop, pause or resume a scan: `action` is one of these words."""
    here, actor = services(), _person(actor)
    _require_id(scan_id)
    if action == "stop":
        change = scans.request_stop(here.catalog, scan_id, actor)
    elif action == "pause":
        change = scans.request_pause(here.catalog, scan_id, actor)
    elif action == "resume":
        timekeeper.let_run(here, scan_id)
        change = scans.request_resume(here.catalog, scan_id)
    else:
        raise ValueError(f"unknown action {action[:40]!r}")
    crash.step(here)
    if action == "stop" and queries.read_scan(here.catalog, scan_id) is None:
        reason = f"stopped by {actor} before it began"
        reconciler.end_queued(here, scan_id, ScanState.CANCELLED, reason)
        return
    pipeline.publish(here, scan_id, always=True)
    if change.finish:
        pipeline.finish(here, scan_id)
    reconciler.reconcile(here)


@shared_task(name=SCAN_FINISH, soft_time_limit=1150, time_limit=1200)
def finish(scan_id: str) -> None:
    """Settle a scan of which every batch is stored, and give it its final state."""
    here = services()
    _require_id(scan_id)
    crash.step(here)
    try:
        ended = finish_scan(here.catalog, scan_id, now=time.time())
    except SQLAlchemyError:
        here.debts.owe(partial(release_finishing, here.catalog, scan_id))
        raise
    if ended:
        crash.step(here)
        reconciler.say_ended(here, scan_id)


@shared_task(name=SCAN_RECONCILE, soft_time_limit=50, time_limit=60)
def reconcile(starting: bool = False) -> None:
    """Put right what died, and what Redis forgot.  `starting`: a worker has just come up."""
    here = services()
    here.redis.set(here.keys.reconciled, 1, ex=RECONCILED_TTL)
    here.debts.settle()
    reconciler.restore_view(here, starting=starting)
    reconciler.correct_view(here)
    timekeeper.keep_time(here)
    upkeep.keep_up(here)
    reconciler.reconcile(here)
    reconciler.refresh_overview(here)
