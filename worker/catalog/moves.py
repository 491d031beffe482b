"""Files that moved: one that is gone and a new one are the same, and its ids are kept.

Looked for in this order, each file used once: the same MusicBrainz recording (the only one of
its id on both sides); the same size and tags.  What this scan misses and what it found new come
first; then what it misses and what other scans have found new since the last one; then what was
marked missing before.  So a file may also move from one music folder to another, in whichever
order they are scanned.  Last, and within one scan only, comes the same name, unique on both
sides, and about the same length.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeGuard

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from wire.outcomes import Outcome
from worker.catalog.entities import TRACK_COLUMNS
from worker.catalog.finishing import Finishing
from worker.catalog.folders import is_inside
from worker.catalog.naming import digest
from worker.catalog.scanrow import touch
from worker.catalog.schema import (
    albums,
    files,
    folders,
    outcomes,
    scan_missing,
    scans,
    search_texts,
    track_artists,
    track_genres,
    tracks,
)
from worker.catalog.storage import unlink_tracks, unsettle
from worker.catalog.tally import add_tallies
from worker.library.model import MAX_DURATION_SECONDS

#: Moved files that are dealt with in one transaction.
MOVES_CHUNK = 100
#: Seconds that two files of the same name may differ in length.
LENGTH_TOLERANCE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that is gone, or one that is new."""

    file_id: int
    path: tuple[bytes, bytes]  #: folder, name
    recording: str | None  #: MusicBrainz recording id
    content: bytes  #: digest of size, length and tags
    length: tuple[str | None, float | None]  #: format, seconds


def match(
    gone: Iterable[Candidate], new: Iterable[Candidate], *, by_name: bool = True
) -> dict[int, int]:
    """File id of each gone file that moved -> file id of the new one.  The order is irrelevant."""
    left = sorted(gone, key=lambda c: c.path)
    right = sorted(new, key=lambda c: c.path)
    pairs: dict[int, int] = {}
    for find in (_same_recording, _same_content, *([_same_name] if by_name else [])):
        pairs |= {old.file_id: found.file_id for old, found in find(left, right)}
        taken = set(pairs.values())
        left = [c for c in left if c.file_id not in pairs]
        right = [c for c in right if c.file_id not in taken]
    return pairs


def match_all(connection: Connection, scan: RowMapping) -> None:
    """Write down for each missing file of a scan, and of earlier ones, which new one it became."""
    scan_id = scan["id"]
    is_gone = scan_missing.c.scan_id == scan_id
    of_scan = _TRACKS.join(scan_missing, scan_missing.c.file_id == files.c.id).where(is_gone)
    gone = list(_candidates(connection, of_scan))
    marked = _TRACKS.where(files.c.missing_since.is_not(None), ~_is_scanned_by_another(scan_id))
    earlier = list(_candidates(connection, marked))
    if not gone and not earlier:
        return
    is_new = (outcomes.c.scan_id == scan_id) & (outcomes.c.outcome == Outcome.NEW)
    query = _TRACKS.join(outcomes, outcomes.c.file_id == files.c.id).where(is_new)
    new = _alike(connection, query, (*gone, *earlier))
    pairs = match(gone, new, by_name=False)
    new = _but(new, pairs.values())
    if left := _but(gone, pairs):
        elsewhere = _alike(connection, _found_elsewhere(connection, scan), left)
        pairs |= match(left, elsewhere, by_name=False)
    late = match(earlier, new, by_name=False)
    pairs |= match(_but(gone, pairs), _but(new, late.values()))
    if pairs:
        of_pair = is_gone & (scan_missing.c.file_id == bindparam("gone"))
        moved = update(scan_missing).where(of_pair).values(found_as_id=bindparam("found"))
        rows = [{"gone": old, "found": found} for old, found in pairs.items()]
        connection.execute(moved, rows)
    if late:
        rows = [{"file_id": old, "found_as_id": found} for old, found in late.items()]
        connection.execute(insert(scan_missing).values(scan_id=scan_id), rows)


def _but(candidates: Iterable[Candidate], file_ids: Collection[int]) -> list[Candidate]:
    """Those that are none of these files."""
    left_out = frozenset(file_ids)
    return [c for c in candidates if c.file_id not in left_out]


def _alike(
    connection: Connection, query: Select[Any], others: Iterable[Candidate]
) -> list[Candidate]:
    """Those files of a query that may be one of `others`: few, however many are new."""
    wanted = {key for candidate in others for key in _keys(candidate)}
    return [c for c in _candidates(connection, query) if not wanted.isdisjoint(_keys(c))]


def _found_elsewhere(connection: Connection, scan: RowMapping) -> Select[Any]:
    """The files that other scans found new, since the whole of this scan's part was scanned.

    What was there before, beside a file that is gone now, is a copy and not that file.
    """
    columns = scans.c
    query = select(columns.folder, columns.finished_at).where(
        columns.root_id == scan["root_id"],
        columns.discovered_at.is_not(None),
        columns.finished_at.is_not(None),
    )
    before = [at for folder, at in connection.execute(query) if is_inside(scan["folder"], folder)]
    since = max(before, default=math.inf)
    later = select(columns.id).where(~columns.active, columns.requested_at > since)
    is_new = (files.c.outcome == Outcome.NEW) & files.c.missing_since.is_(None)
    return _TRACKS.where(is_new, files.c.last_read_scan_id.in_(later))


def _is_scanned_by_another(scan_id: str) -> ColumnElement[bool]:
    """Of a file: another scan is about to say whether it is still missing."""
    others = select(folders.c.id).join(scans, scans.c.root_id == folders.c.root_id)
    return files.c.folder_id.in_(others.where(scans.c.active, scans.c.id != scan_id))


def apply(finishing: Finishing) -> None:
    """Let each moved file take the place of the new one, with its own ids."""
    columns = scan_missing.c
    of_scan = columns.scan_id == finishing.scan_id
    query = select(columns.file_id, columns.found_as_id)
    query = query.where(of_scan, columns.found_as_id.is_not(None)).limit(MOVES_CHUNK)
    scanned = select(files.c.id).where(_is_scanned_by_another(finishing.scan_id))
    while True:
        with finishing.step() as (connection, scan):
            connection.execute(delete(scan_missing).where(of_scan, columns.file_id.in_(scanned)))
            is_busy = of_scan & columns.found_as_id.in_(scanned)
            connection.execute(update(scan_missing).where(is_busy).values(found_as_id=None))
            pairs = connection.execute(query).all()
            if not pairs:
                return
            n = sum(_move(connection, scan["id"], gone_id, new_id) for gone_id, new_id in pairs)
            new, moved = ("outcome", Outcome.NEW.value), ("outcome", Outcome.MOVED.value)
            add_tallies(connection, scan["id"], {new: -n, moved: n})
            touch(connection, scan["id"])


def _move(connection: Connection, scan_id: str, gone_id: int, new_id: int) -> bool:
    """Give the row of the gone file the place, and its track the contents, of the new one.

    False when it was another scan that found and counted the new one.
    """
    track_of = select(tracks).where(tracks.c.file_id == bindparam("of_file"))
    old = connection.execute(track_of, {"of_file": gone_id}).mappings().one()
    new = dict(connection.execute(track_of, {"of_file": new_id}).mappings().one())
    unlink_tracks(connection, [old["id"]])
    for links in (track_artists, track_genres):
        of_new = links.c.track_id == new["id"]
        connection.execute(update(links).where(of_new).values(track_id=old["id"]))
    connection.execute(delete(tracks).where(tracks.c.id == new["id"]))
    new |= {"id": old["id"], "file_id": gone_id}
    if new["mb_release_id"] and new["mb_release_id"] == old["mb_release_id"]:
        unsettle(connection, albums, [new["album_id"]])
        new["album_id"] = old["album_id"]
    connection.execute(update(tracks).where(tracks.c.id == old["id"]).values(new))
    of_pair = (scan_missing.c.scan_id == scan_id) & (scan_missing.c.file_id == gone_id)
    connection.execute(delete(scan_missing).where(of_pair))
    text_of_new = select(search_texts.c.text).where(search_texts.c.id == new_id).scalar_subquery()
    of_gone = update(search_texts).where(search_texts.c.id == gone_id)
    connection.execute(of_gone.values(text=text_of_new))
    is_new = files.c.id == new_id
    file = dict(connection.execute(select(files).where(is_new)).mappings().one())
    connection.execute(delete(files).where(is_new))
    file |= {"id": gone_id, "outcome": Outcome.MOVED.value}
    connection.execute(update(files).where(files.c.id == gone_id).values(file))
    # The folder may be another root's, and settled.
    of_place = update(folders).where(folders.c.id == file["folder_id"])
    connection.execute(of_place.values(first_file_id=None, last_file_id=None))
    told = (outcomes.c.scan_id == scan_id) & (outcomes.c.file_id == new_id)
    moved = {"outcome": Outcome.MOVED.value, "file_id": gone_id}
    return connection.execute(update(outcomes).where(told).values(moved)).rowcount > 0


_TRACKS = (
    select(
        files.c.id, files.c.name, files.c.size, folders.c.path,
        tracks.c.mb_recording_id, *(tracks.c[name] for name in TRACK_COLUMNS),
    )
    .select_from(files)
    .join(folders)
    .join(tracks)
)  # fmt: skip


def _candidates(connection: Connection, query: Select[Any]) -> Iterator[Candidate]:
    for row in connection.execute(query):
        yield Candidate(
            file_id=row.id,
            path=(row.path, row.name),
            recording=row.mb_recording_id,
            content=digest(repr((row.size, *row[5:]))),
            length=(row.format, row.duration_seconds),
        )


def _keys(candidate: Candidate) -> tuple[Hashable, ...]:
    return ("recording", candidate.recording), candidate.content, candidate.path[1]


Pairs = list[tuple[Candidate, Candidate]]


def _same_recording(gone: list[Candidate], new: list[Candidate]) -> Pairs:
    groups = _groups(gone, new, lambda c: c.recording)
    return [(a[0], b[0]) for key, (a, b) in groups.items() if key and len(a) == len(b) == 1]


def _same_content(gone: list[Candidate], new: list[Candidate]) -> Pairs:
    groups = _groups(gone, new, lambda c: c.content)
    return [pair for a, b in groups.values() for pair in zip(a, b, strict=False)]


def _same_name(gone: list[Candidate], new: list[Candidate]) -> Pairs:
    groups = _groups(gone, new, lambda c: c.path[1])
    unique = [(a[0], b[0]) for a, b in groups.values() if len(a) == len(b) == 1]
    return [(old, found) for old, found in unique if _similar(old.length, found.length)]


def _groups(
    gone: list[Candidate], new: list[Candidate], key: Callable[[Candidate], Hashable]
) -> dict[Hashable, tuple[list[Candidate], list[Candidate]]]:
    groups: dict[Hashable, tuple[list[Candidate], list[Candidate]]] = {}
    for side, candidates in enumerate((gone, new)):
        for candidate in candidates:
            groups.setdefault(key(candidate), ([], []))[side].append(candidate)
    return groups


def _similar(a: tuple[str | None, float | None], b: tuple[str | None, float | None]) -> bool:
    """Whether two (format, seconds) may be one recording in one format.

    Lengths that are not known, 0 or cut fit nothing.
    """
    (form, seconds), (other_form, other_seconds) = a, b
    if form != other_form or not _is_length(seconds) or not _is_length(other_seconds):
        return False
    return abs(seconds - other_seconds) <= LENGTH_TOLERANCE_SECONDS


def _is_length(seconds: float | None) -> TypeGuard[float]:
    return seconds is not None and 0 < seconds < MAX_DURATION_SECONDS
