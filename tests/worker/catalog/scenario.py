"""A library made of plain data, and whole scans of it without Celery or Redis."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import select

from wire.events import Scan
from wire.outcomes import Outcome
from wire.roots import Root, make_root
from wire.states import ScanMode
from worker.catalog import discovery, entities, journal, queries, record, scans, schema, writer
from worker.catalog.discovery import FoundChunk, FoundFolder
from worker.catalog.finish import finish_scan
from worker.catalog.journal import Claim, Stage
from worker.catalog.naming import digest
from worker.catalog.owner import Owner
from worker.catalog.scans import ScanRequest
from worker.catalog.store import Catalog
from worker.library.model import Audio, FileResult, FolderError, FoundFile, Signature, Tags

ROOT = make_root("/music")
EPOCH = "first"


def signature(number: int = 1) -> Signature:
    return Signature(size=1000 + number, mtime_ns=2000 + number, ctime_ns=3000 + number)


def song(path: str | bytes, number: int = 1, **tags: Any) -> FileResult:
    """A file that was read."""
    name = path.encode() if isinstance(path, str) else path
    audio = Audio("mp3", "mp3", 180.0 + number, 320_000, 44_100, 2, None)
    return FileResult(name, signature(number), tags=Tags(**tags), audio=audio)


def broken(
    path: str, number: int = 1, outcome: Outcome = Outcome.UNREADABLE, cls: str = "HeaderError"
) -> FileResult:
    """A file that could not be read."""
    return FileResult(path.encode(), signature(number), outcome, cls, "what was wrong")


def found_file(result: FileResult) -> FoundFile:
    return FoundFile(result.path, result.signature)


def begin(
    catalog: Catalog,
    scan_id: str = "scan-1",
    *,
    root: Root = ROOT,
    mode: ScanMode = ScanMode.QUICK,
    **options: Any,
) -> scans.BeginResult:
    request = ScanRequest(scan_id, root, mode, requested_at=time.time(), **options)
    return scans.begin_scan(catalog, request)


def folders_of(catalog: Catalog, root: Root, results: Iterable[FileResult]) -> Any:
    """What the walk of a quick scan makes of a library: its folders, the files of each to read."""
    by_folder: dict[bytes, list[FileResult]] = {}
    for result in sorted(results, key=lambda r: r.path):
        by_folder.setdefault(result.path.rpartition(b"/")[0], []).append(result)
    known = discovery.known_files(catalog, root.id, by_folder)
    settled = discovery.load_folder_digests(catalog, root.id)
    for path, inside in by_folder.items():
        seen_as = digest(*(repr((r.path, r.signature)) for r in inside))
        same = settled.get(path)
        if same is not None and same.digest == seen_as:
            unchanged = FoundFolder(
                path,
                seen_as,
                len(inside),
                len(inside),
                same.known_problems,
                unchanged_runs=same.runs,
                known_id=same.id,
            )
            yield unchanged, []
            continue
        before = known.get(path, {})
        to_read, ids, returned, problems = [], [], [], 0
        names = {r.path.rpartition(b"/")[2] for r in inside}
        for result in inside:
            file = before.get(result.path.rpartition(b"/")[2])
            if file is None or file.retry or file.signature != result.signature:
                to_read.append(result)
                continue
            ids.append(file.id)
            problems += file.problem
            returned += [file.id] if file.missing else []
        missing = [f.id for name, f in before.items() if name not in names and not f.missing]
        folder = FoundFolder(
            path,
            seen_as,
            files_found=len(inside),
            unchanged=len(ids),
            unchanged_runs=tuple((file_id, file_id) for file_id in ids),
            known_problems=problems,
            missing_file_ids=tuple(missing),
            returned_file_ids=tuple(returned),
        )
        yield folder, to_read


def discover(
    catalog: Catalog,
    results: Sequence[FileResult],
    scan_id: str = "scan-1",
    *,
    root: Root = ROOT,
    errors: Sequence[FolderError] = (),
    split: Callable[[list[FileResult]], list[list[FileResult]]] = lambda files: [files],
) -> None:
    """Walk `results` and write them into the journal in the batches that `split` makes."""
    owner = Owner.current()
    claim = discovery.claim_discovery(catalog, scan_id, owner, 60)
    assert claim is not None
    seen = [
        (folder, files)
        for folder, files in folders_of(catalog, root, results)
        if folder.path not in claim.journaled
    ]
    to_read = [file for _, files in seen for file in files]
    batches = [[found_file(r) for r in part] for part in split(to_read) if part]
    chunk = FoundChunk([folder for folder, _ in seen], batches)
    assert discovery.add_found(catalog, scan_id, owner, chunk)
    assert discovery.finish_discovery(catalog, scan_id, owner, errors)


def take_one(catalog: Catalog, scan_id: str = "scan-1", limit: int = 1) -> Claim | None:
    """Send the next batch and claim it, as an extract task does."""
    for dispatch in journal.take_pending(catalog, scan_id, EPOCH, limit):
        return journal.claim(catalog, dispatch.batch_id, dispatch.stage, Owner.current(), 60)
    return None


def store(catalog: Catalog, held: Claim, results: Iterable[FileResult]) -> writer.Completed | None:
    """Carry a batch claimed for extracting through all stages."""
    by_path = {result.path: result for result in results}
    read = [by_path[file.path] for file in held.files]
    packed = record.pack_results(read)
    assert journal.advance(catalog, held, Stage.BATCH, EPOCH)
    grouping = journal.claim(catalog, held.batch_id, Stage.BATCH, Owner.current(), 60)
    assert grouping is not None
    packed = record.pack_grouped(entities.group(record.unpack_results(packed)))
    assert journal.advance(catalog, grouping, Stage.INSERT, EPOCH)
    inserting = journal.claim(catalog, held.batch_id, Stage.INSERT, Owner.current(), 60)
    assert inserting is not None
    return writer.complete(catalog, inserting, record.unpack_grouped(packed), now=time.time())


def work(catalog: Catalog, results: Sequence[FileResult], scan_id: str = "scan-1") -> None:
    """Do every batch that waits."""
    while (held := take_one(catalog, scan_id)) is not None:
        assert store(catalog, held, results) is not None


def scan(
    catalog: Catalog, results: Sequence[FileResult], scan_id: str = "scan-1", **options: Any
) -> None:
    """A whole scan that finds exactly `results`."""
    how = {name: options.pop(name) for name in ("errors", "split") if name in options}
    assert begin(catalog, scan_id, **options).status is scans.Begin.STARTED
    discover(catalog, results, scan_id, root=options.get("root", ROOT), **how)
    work(catalog, results, scan_id)
    assert finish_scan(catalog, scan_id, now=time.time())


def rows(catalog: Catalog, table: str) -> list[dict[str, Any]]:
    """All rows of a table, in the order of its key."""
    source = schema.metadata.tables[table]
    with catalog.read() as connection:
        found = connection.execute(select(source).order_by(*source.primary_key)).mappings()
        return [dict(row) for row in found]


def canonical_dump(catalog: Catalog) -> dict[str, list[Any]]:
    """The library as the catalog holds it, without ids and times, in an order of its own."""
    named = {
        table: {row["id"]: row for row in rows(catalog, table)}
        for table in ("folders", "files", "tracks", "artists", "albums", "genres")
    }

    def path_of(file_id: int) -> bytes:
        file = named["files"][file_id]
        return bytes(named["folders"][file["folder_id"]]["path"]) + b"/" + bytes(file["name"])

    def plain(row: dict[str, Any], *left_out: str) -> dict[str, Any]:
        return {k: v for k, v in row.items() if k not in {"id", *left_out}}

    def album(album_id: int | None) -> Any:
        return None if album_id is None else named["albums"][album_id]["key"]

    def artist(row: dict[str, Any]) -> Any:
        return named["artists"][row["artist_id"]]["key"]

    def track(track_id: int) -> bytes:
        return path_of(named["tracks"][track_id]["file_id"])

    dump: dict[str, list[Any]] = {
        "files": [
            (path_of(i), plain(row, "folder_id", "last_read_scan_id"))
            for i, row in named["files"].items()
        ],
        "folders": [
            plain(row, "first_file_id", "last_file_id") for row in named["folders"].values()
        ],
        "tracks": [
            (track(i), album(row["album_id"]), plain(row, "file_id", "album_id"))
            for i, row in named["tracks"].items()
        ],
        "artists": [plain(row) for row in named["artists"].values()],
        "albums": [plain(row) for row in named["albums"].values()],
        "genres": [plain(row) for row in named["genres"].values()],
        "track_artists": [
            (track(row["track_id"]), artist(row), row["position"], row["credited_name"])
            for row in rows(catalog, "track_artists")
        ],
        "album_artists": [
            (album(row["album_id"]), artist(row), row["position"], row["credited_name"])
            for row in rows(catalog, "album_artists")
        ],
        "track_genres": [
            (
                track(row["track_id"]),
                named["genres"][row["genre_id"]]["key"],
                row["position"],
                row["written_name"],
            )
            for row in rows(catalog, "track_genres")
        ],
        "tallies": [
            (r["scan_id"], r["kind"], r["name"], r["files"])
            for r in rows(catalog, "tallies")
            if r["files"]
        ],
        "outcomes": [
            (r["scan_id"], bytes(r["path"]), r["outcome"], r["error_class"])
            for r in rows(catalog, "outcomes")
        ],
    }
    return {table: sorted(map(repr, found)) for table, found in dump.items()}


#: 100 files in 10 folders, an album each.
LIBRARY = [
    song(f"{n // 10}/{n}.mp3", n, title=f"Song {n}", album=f"A{n // 10}") for n in range(100)
]


def shown(catalog: Catalog, scan_id: str) -> Scan:
    """A scan as the page is told of it."""
    found = queries.read_scan(catalog, scan_id)
    assert found is not None
    return found


def ids(catalog: Catalog) -> dict[str, int]:
    """The ids of files by their paths."""
    return {row["path_display"]: row["id"] for row in rows(catalog, "files")}


def missing(catalog: Catalog) -> list[str]:
    """Paths of the files that are marked missing."""
    return sorted(
        row["path_display"] for row in rows(catalog, "files") if row["missing_since"] is not None
    )
