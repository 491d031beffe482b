"""The end of a scan: moved and missing files, names, its final state.

Everything here is a sequence of small transactions.  Each takes up where the last one ended,
so that a finish that died is simply begun again.
"""

from __future__ import annotations

from sqlalchemy import Connection, exists, select

from wire.states import ScanMode, ScanState
from worker.catalog import digests, missing, moves
from worker.catalog.finishing import Finishing, TakenOverError
from worker.catalog.scanrow import finish_if_ready
from worker.catalog.scans import end_scan
from worker.catalog.schema import outcomes
from worker.catalog.settle import settle
from worker.catalog.store import Catalog


def finish_scan(catalog: Catalog, scan_id: str, *, now: float) -> bool:
    """Settle a scan of which nothing is left to do and give it its final state.

    May be called again after a crash; a second call while a first one runs does nothing.
    False when the scan is not ready, is being finished, or was over already.
    """
    with catalog.write() as connection:
        if not finish_if_ready(connection, scan_id):
            return False
    finishing = Finishing(catalog, scan_id)
    try:
        refusal = _settle_files(finishing, now)
        settle(finishing)
        _end(finishing, refusal, now)
    except TakenOverError:
        return False
    return True


def _settle_files(finishing: Finishing, now: float) -> str:
    """Moved and missing files; the reason why nothing was marked missing, "" if all is well."""
    with finishing.step() as (_, scan):
        # What was not walked to its end says nothing about files that were not met.
        if scan["stopped_by"] or scan["mode"] == ScanMode.RETRY:
            return ""
    missing.collect(finishing)
    moves.apply(finishing)
    refusal = missing.refusal(finishing)
    if not refusal:
        missing.mark(finishing, now)
    digests.store(finishing)
    return refusal


def _end(finishing: Finishing, refusal: str, now: float) -> None:
    with finishing.step() as (connection, scan):
        if scan["stopped_by"]:
            state, reason = ScanState.CANCELLED, f"Stopped by {scan['stopped_by']}."
        elif refusal:
            state, reason = ScanState.SKIPPED, refusal
        elif _has_problems(connection, finishing.scan_id):
            state, reason = ScanState.COMPLETED_WITH_PROBLEMS, ""
        else:
            state, reason = ScanState.COMPLETED, ""
        end_scan(connection, finishing.scan_id, state, reason, now)


def _has_problems(connection: Connection, scan_id: str) -> bool:
    is_problem = (outcomes.c.scan_id == scan_id) & outcomes.c.problem
    return bool(connection.execute(select(exists().where(is_problem))).scalar())
