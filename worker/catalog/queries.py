"""Reading the catalog: scans, their problems, what is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sqlalchemy import Connection, RowMapping, func, select

from wire.events import Problem, Reason, Scan, StageCount
from wire.outcomes import PROBLEMS, Outcome
from wire.states import ScanMode, ScanState
from wire.text import display_path, path_to_wire
from worker.catalog.batchrow import Stage
from worker.catalog.folders import is_inside
from worker.catalog.scanrow import OPEN_BATCH
from worker.catalog.schema import batches, files, folders, outcomes, roots, scans, tallies
from worker.catalog.store import Catalog

#: Reasons that a scan tells, most frequent first.
REASONS_TOLD = 20

_SCANS = select(scans, roots.c.display.label("root")).join(roots)


def read_scan(catalog: Catalog, scan_id: str) -> Scan | None:
    """A scan with all its numbers, at one moment; None when it is not known."""
    with catalog.read() as connection:
        row = connection.execute(_SCANS.where(scans.c.id == scan_id)).mappings().first()
        return _scan(connection, row) if row is not None else None


def recent_scans(catalog: Catalog, limit: int) -> list[Scan]:
    """The last scans asked for, latest first."""
    query = _SCANS.order_by(scans.c.requested_at.desc(), scans.c.id.desc()).limit(limit)
    with catalog.read() as connection:
        return [_scan(connection, row) for row in connection.execute(query).mappings().all()]


def active_scans(catalog: Catalog) -> list[Scan]:
    """The scans that are not over, in the order they were asked for."""
    query = _SCANS.where(scans.c.active).order_by(scans.c.requested_at, scans.c.id)
    with catalog.read() as connection:
        return [_scan(connection, row) for row in connection.execute(query).mappings().all()]


def problems(
    catalog: Catalog,
    scan_id: str,
    *,
    after_id: int = 0,
    limit: int = 1000,
    outcome: Outcome | None = None,
) -> list[Problem]:
    """The next problems of a scan after `after_id`, in order of appearance."""
    columns = outcomes.c
    query = select(outcomes).where(columns.scan_id == scan_id, columns.problem)
    query = query.where(columns.id > after_id).order_by(columns.id).limit(limit)
    if outcome is not None:
        query = query.where(columns.outcome == outcome)
    with catalog.read() as connection:
        rows = connection.execute(query).mappings().all()
    return [_problem(row) for row in rows]


def _problem(row: RowMapping) -> Problem:
    path = bytes(row["path"])
    shown = display_path(path)
    return Problem(
        id=row["id"],
        path=shown,
        outcome=row["outcome"],
        error_class=row["error_class"],
        message=row["message"],
        size_bytes=row["size_bytes"],
        at=row["at"],
        exact="" if shown.encode() == path else path_to_wire(path),
    )


def known_file_count(catalog: Catalog, root_id: str) -> int:
    """Files of a root that are known and not marked missing."""
    query = select(func.count()).select_from(files).join(folders)
    query = query.where(folders.c.root_id == root_id, files.c.missing_since.is_(None))
    with catalog.read() as connection:
        return connection.execute(query).scalar_one()


def missing_file_count(catalog: Catalog, root_id: str) -> int:
    """Files of a root that are marked missing."""
    query = select(func.count()).select_from(files).join(folders)
    query = query.where(folders.c.root_id == root_id, files.c.missing_since.is_not(None))
    with catalog.read() as connection:
        return connection.execute(query).scalar_one()


def was_mounted(catalog: Catalog, root_id: str) -> bool:
    """Whether a root was on a disk of its own when it was last walked."""
    with catalog.read() as connection:
        query = select(roots.c.mounted).where(roots.c.id == root_id)
        return bool(connection.execute(query).scalar())


def problem_files(catalog: Catalog, root_id: str, folder: bytes = b"") -> list[bytes]:
    """Paths of the files in `folder` (b"" = the whole root) that are a problem, sorted."""
    query = select(folders.c.path, files.c.name).join(folders)
    query = query.where(folders.c.root_id == root_id, files.c.outcome.in_(PROBLEMS))
    query = query.where(files.c.missing_since.is_(None))
    with catalog.read() as connection:
        rows = connection.execute(query).tuples().all()
    paths = [path + b"/" + name if path else name for path, name in rows]
    return sorted(path for path in paths if is_inside(path, folder))


def _scan(connection: Connection, row: RowMapping) -> Scan:
    query = select(tallies.c.kind, tallies.c.name, tallies.c.files)
    told = connection.execute(query.where(tallies.c.scan_id == row["id"])).all()
    counts = {name: n for kind, name, n in told if kind == "outcome" and n}
    if row["unchanged"]:
        counts[Outcome.UNCHANGED] = counts.get(Outcome.UNCHANGED, 0) + row["unchanged"]
    state, reason = _shown_state(row)
    return Scan(
        id=row["id"],
        root_id=row["root_id"],
        root=row["root"],
        mode=ScanMode(row["mode"]),
        state=state,
        requested_at=row["requested_at"],
        requested_by=row["requested_by"],
        folder=display_path(row["folder"]),
        folder_path=path_to_wire(row["folder"]),
        mark_anyway=row["mark_anyway"],
        would_mark=row["would_mark"],
        revision=row["revision"],
        reason=reason,
        started_at=row["started_at"],
        discovered_at=row["discovered_at"],
        finished_at=row["finished_at"],
        updated_at=row["updated_at"],
        files_found=row["files_found"],
        folders_found=row["folders_found"],
        other_files=row["other_files"],
        counts=counts,
        folder_problems={name: n for kind, name, n in told if kind == "folder"},
        formats={name: n for kind, name, n in told if kind == "format" and n},
        stages=_stages(connection, row, sum(counts.get(outcome, 0) for outcome in PROBLEMS)),
        reasons=_reasons((name, n) for kind, name, n in told if kind == "reason"),
        known_problems=row["known_problems"],
        bytes_read=row["bytes_read"],
    )


def _shown_state(row: RowMapping) -> tuple[ScanState, str]:
    """The state as people see it, and the sentence that goes with it."""
    if row["active"] and row["stopped_by"]:
        return ScanState.STOPPING, f"Stopped by {row['stopped_by']}."
    if row["active"] and row["paused_by"]:
        return ScanState.PAUSED, f"Paused by {row['paused_by']}."
    return ScanState(row["state"]), row["reason"]


def _stages(connection: Connection, row: RowMapping, problems: int) -> tuple[StageCount, ...]:
    columns = batches.c
    query = select(columns.stage, columns.state, func.sum(columns.n_files))
    query = query.where(columns.scan_id == row["id"]).group_by(columns.stage, columns.state)
    waiting: Counter[str] = Counter()
    done = 0
    for stage, state, n_files in connection.execute(query):
        if state in OPEN_BATCH:
            waiting[stage] += int(n_files)
        elif state == "done":
            done += int(n_files)
    total = done + waiting.total()
    found = row["files_found"]
    counts = [StageCount("scan", done=found, total=found)]
    left = total
    for stage in Stage:
        left -= waiting[stage]
        failed = problems if stage is Stage.EXTRACT else 0
        counts.append(StageCount(stage, left, total, waiting[stage], failed))
    return tuple(counts)


def _reasons(told: Iterable[tuple[str, int]]) -> tuple[Reason, ...]:
    most = sorted(told, key=lambda reason: (-reason[1], reason[0]))[:REASONS_TOLD]
    return tuple(
        Reason(outcome, error_class, files)
        for (outcome, _, error_class), files in ((name.partition(":"), n) for name, n in most)
    )
