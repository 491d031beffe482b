"""Storing tracks: the catalog's whole path against raw SQLite, in one run.

    .venv/bin/python -m bench.catalog [--files 10000] [--rounds 5]

(a) the same rows into the same tables by plain `sqlite3.executemany`, one transaction a batch of
250; (b) `writer.complete`, with the claim's fence, entities, outcomes and counters; (c) what the
journal adds around it; (d) finishing the scan: names, albums, digests.  CPU microseconds a
track, medians; the ratio is what to compare between machines.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wire.roots import make_root
from wire.states import ScanMode
from worker.catalog import discovery, entities, journal, scans, writer
from worker.catalog.discovery import FoundChunk, FoundFolder
from worker.catalog.finish import finish_scan
from worker.catalog.journal import Stage
from worker.catalog.owner import Owner
from worker.catalog.store import Catalog
from worker.library.model import Audio, FileResult, FoundFile, Signature, Tags

BATCH = 250
#: The tables whose rows the raw baseline writes: those of the scan first, then a share a batch.
PARENTS = ("roots", "scans", "folders", "artists", "albums", "genres")
TABLES = ("files", "tracks", "track_artists", "track_genres", "outcomes")


def make_files(count: int) -> list[FileResult]:
    """Albums of 12 tracks, three to an artist, now and then a guest."""
    return [make_file(number) for number in range(count)]


def make_file(number: int) -> FileResult:
    """One tagged MP3."""
    album = number // 12
    artist = f"Artist {album // 3}"
    tags = Tags(
        title=f"Title of song number {number}",
        artists=(artist,) if number % 5 else (artist, f"Guest {number % 50}"),
        album=f"Album {album}",
        album_artists=(artist,),
        genres=("Rock", "Pop")[: 1 + number % 2],
        track_number=number % 12 + 1,
        track_total=12,
        disc_number=1,
        date="2004-05-06",
        isrcs=(f"FR{number:010}",),
        encoder="LAME 3.100",
    )
    path = f"{artist}/Album {album}/{number % 12 + 1:02} Title of song number {number}.mp3"
    signature = Signature(5_000_000 + number, 1_700_000_000 * 10**9, 1_700_000_000 * 10**9)
    audio = Audio("mp3", "mp3", 200.5, 320_000, 44_100, 2, None)
    return FileResult(path.encode(), signature, tags=tags, audio=audio)


def scan_once(catalog: Catalog, files: list[FileResult]) -> dict[str, float]:
    """One scan of `files`; seconds by part."""
    spent = dict.fromkeys(("complete", "journal", "finish"), 0.0)

    @contextmanager
    def timed(part: str) -> Iterator[None]:
        start = time.process_time()
        yield
        spent[part] += time.process_time() - start

    owner = Owner.current()
    request = scans.ScanRequest("bench", make_root("/music"), ScanMode.QUICK, time.time())
    scans.begin_scan(catalog, request)
    discovery.claim_discovery(catalog, "bench", owner, 60)
    folders = sorted({file.path.rpartition(b"/")[0] for file in files})
    batches = [files[start : start + BATCH] for start in range(0, len(files), BATCH)]
    found = [[FoundFile(file.path, file.signature) for file in batch] for batch in batches]
    with timed("journal"):
        chunk = FoundChunk([FoundFolder(path, b"digest") for path in folders], found)
        discovery.add_found(catalog, "bench", owner, chunk)
        discovery.finish_discovery(catalog, "bench", owner)
    for batch in batches:
        grouped = entities.group(batch)
        with timed("journal"):
            [dispatch] = journal.take_pending(catalog, "bench", "epoch", 1)
            held = _claim(catalog, dispatch.batch_id, Stage.EXTRACT, owner)
            journal.advance(catalog, held, Stage.BATCH, "epoch")
            held = _claim(catalog, dispatch.batch_id, Stage.BATCH, owner)
            journal.advance(catalog, held, Stage.INSERT, "epoch")
            held = _claim(catalog, dispatch.batch_id, Stage.INSERT, owner)
        with timed("complete"):
            assert writer.complete(catalog, held, grouped, now=time.time())
    with timed("finish"):
        assert finish_scan(catalog, "bench", now=time.time())
    return spent


def _claim(catalog: Catalog, batch_id: int, stage: Stage, owner: Owner) -> journal.Claim:
    held = journal.claim(catalog, batch_id, stage, owner, 60)
    assert held is not None
    return held


def raw_seconds(source: Path, empty: Path, files: int) -> float:
    """The rows of `source` into the tables of `empty`, a transaction for each batch."""
    reader = sqlite3.connect(source)
    rows = {
        table: reader.execute(f"select * from {table}").fetchall()  # noqa: S608 (our own names)
        for table in PARENTS + TABLES
    }
    reader.close()
    db = sqlite3.connect(empty, isolation_level=None)
    for pragma in ("journal_mode = wal", "synchronous = normal", "foreign_keys = on"):
        db.execute(f"pragma {pragma}")
    batches = -(-files // BATCH)
    start = time.process_time()
    for number in range(batches):
        db.execute("begin immediate")
        for table, of_table in rows.items():
            size = len(of_table) if table in PARENTS else -(-len(of_table) // batches)
            share = of_table[size * number : size * (number + 1)]
            if share:
                marks = ", ".join("?" * len(share[0]))
                db.executemany(f"insert into {table} values ({marks})", share)  # noqa: S608
        db.execute("commit")
    seconds = time.process_time() - start
    db.close()
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    files = make_files(options.files)
    spent: dict[str, list[float]] = {"raw": [], "complete": [], "journal": [], "finish": []}
    with tempfile.TemporaryDirectory() as name:
        for number in range(options.rounds):
            full, empty = Path(name, f"full{number}.db"), Path(name, f"empty{number}.db")
            for file in (full, empty):
                catalog = Catalog(f"sqlite:///{file}")
                catalog.migrate()
                catalog.dispose()
            catalog = Catalog(f"sqlite:///{full}")
            for part, seconds in scan_once(catalog, files).items():
                spent[part].append(seconds)
            catalog.dispose()
            spent["raw"].append(raw_seconds(full, empty, len(files)))
    raw = statistics.median(spent["raw"])
    for part, measured in spent.items():
        median = statistics.median(measured)
        print(f"{part:10} {median / len(files) * 1e6:7.1f} µs a track   {median / raw:5.2f} x raw")


if __name__ == "__main__":
    main()
