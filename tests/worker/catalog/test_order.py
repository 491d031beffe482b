"""Whatever the order and size of batches, and whatever died on the way: one content."""

from __future__ import annotations

import math
import random
import re
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.worker.catalog.scenario import (
    EPOCH,
    begin,
    broken,
    canonical_dump,
    discover,
    scan,
    signature,
    song,
    store,
    take_one,
    work,
)
from wire.missing import MissingQuestion
from worker.catalog import journal
from worker.catalog.finish import finish_scan
from worker.catalog.purge import purge
from worker.catalog.store import Catalog
from worker.library.model import FileResult

NAMES = ("Sigur Rós", "SIGUR RÓS", "sigur ros", "Björk", "BJÖRK", "Ｂｊörk")
TITLES = ("Ágætis byrjun", "ágætis  Byrjun", "Post", "Greatest Hits")
RELEASE = "0a5ae2f4-cf1f-4e1f-9d1c-7d6f1a3f1a11"
ARTISTS = ("87c5dedd-371d-4a53-9f7f-80522fb7f3cb", "9282c8b4-ca0b-4c6b-b7e3-4f7762dfc4d6")


@st.composite
def tagged_files(draw: st.DrawFn) -> list[FileResult]:
    """Up to 14 files in a few folders whose tags agree now and then."""
    files = []
    for number in range(draw(st.integers(1, 14))):
        folder = draw(st.sampled_from(["a", "a/CD1", "a/CD2", "b", "b (Disc 1)"]))
        path = f"{folder}/{number:02}.mp3"
        if draw(st.integers(0, 9)) == 0:
            files.append(broken(path, number))
            continue
        name = draw(st.sampled_from(NAMES))
        has_ids = draw(st.booleans())
        files.append(
            song(
                path,
                number,
                title=f"Song {number}",
                artists=(name,),
                mb_artist_ids=(draw(st.sampled_from(ARTISTS)),) if has_ids else (),
                album=draw(st.sampled_from([*TITLES, None])),
                album_artists=draw(st.sampled_from([(), (name,), ("Various Artists",)])),
                mb_release_id=RELEASE if has_ids else None,
                track_number=draw(st.sampled_from([None, 1, 2, 3])),
                genres=draw(st.sampled_from([(), ("Rock",), ("rock", "Pop")])),
                date=draw(st.sampled_from([None, "1999", "1999-06-12"])),
                compilation=draw(st.booleans()),
            )
        )
    return files


def shuffled(seed: int, size: int) -> Callable[[list[FileResult]], list[list[FileResult]]]:
    """A way to make batches of `size` files in no particular order."""

    def split(files: list[FileResult]) -> list[list[FileResult]]:
        files = random.Random(seed).sample(files, len(files))
        return [files[i : i + size] for i in range(0, len(files), size)]

    return split


@cache
def migrated() -> bytes:
    """An empty catalog's file: migrating is slow."""
    with tempfile.TemporaryDirectory() as folder:
        catalog = Catalog(f"sqlite:///{folder}/empty.db")
        catalog.migrate()
        catalog.dispose()
        return Path(folder, "empty.db").read_bytes()


def empty_catalog(folder: str, name: str) -> Catalog:
    file = Path(folder, f"{name}.db")
    file.write_bytes(migrated())
    return Catalog(f"sqlite:///{file}")


@settings(max_examples=12, deadline=None)
@given(tagged_files(), st.integers(0, 99), st.integers(1, 5))
def test_content_does_not_depend_on_batches(files: list[FileResult], seed: int, size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        plain, mixed = empty_catalog(folder, "plain"), empty_catalog(folder, "mixed")
        scan(plain, files)

        scan(mixed, files, split=shuffled(seed, size))

        assert canonical_dump(mixed) == canonical_dump(plain)
        plain.dispose()
        mixed.dispose()


@settings(max_examples=8, deadline=None)
@given(tagged_files(), tagged_files(), st.integers(0, 99))
def test_second_scan_does_not_depend_on_batches(
    before: list[FileResult], after: list[FileResult], seed: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        plain, mixed = empty_catalog(folder, "plain"), empty_catalog(folder, "mixed")
        after = [song(f"new/{i}.mp3", 50 + i, title=str(i)) for i in range(2)] + after
        for catalog, split in ((plain, shuffled(0, 100)), (mixed, shuffled(seed, 2))):
            scan(catalog, before, "scan-1", split=split)
            scan(catalog, after, "scan-2", split=split, mark_anyway=True)

        assert without_times(canonical_dump(mixed)) == without_times(canonical_dump(plain))
        plain.dispose()
        mixed.dispose()


@settings(max_examples=12, deadline=None, phases=(Phase.generate,))
@given(st.lists(tagged_files(), min_size=2, max_size=3), st.integers(1, 99))
def test_content_does_not_depend_on_the_scans_before(
    libraries: list[list[FileResult]], seed: int
) -> None:
    """What joined for want of an id, and why, may be over by the next scan."""
    last = libraries[-1]
    with tempfile.TemporaryDirectory() as folder:
        grown, plain = empty_catalog(folder, "grown"), empty_catalog(folder, "plain")
        for number, files in enumerate(libraries):
            read = [f._replace(signature=signature(100 * number + n)) for n, f in enumerate(files)]
            scan(grown, read, f"scan-{number}", split=shuffled(seed, 4), mark_anyway=True)
        purge(grown, MissingQuestion(before=math.inf))
        scan(plain, last)

        assert named(grown) == named(plain)
        grown.dispose()
        plain.dispose()


def named(catalog: Catalog) -> dict[str, list[str]]:
    """Who made what, as the catalog shows it.

    An album is called by its first track: which row stands for it, and so its key, is its history's
    (`editions.py`, 2).
    """
    dump = canonical_dump(catalog)
    told = ("artists", "albums", "genres", "track_artists", "album_artists", "track_genres")
    places = [line.partition(", {")[0] for line in dump["tracks"]]  # path and key of the album
    first_track: dict[str, str] = {}
    for place in places:
        path, _, key = place.lstrip("(").partition(", ")
        first_track.setdefault(key, path)

    def called(line: str) -> str:
        for key, path in first_track.items():
            line = line.replace(key, f"album of {path}")
        return line

    tables = {table: dump[table] for table in told} | {"tracks": places}
    return {table: sorted(map(called, lines)) for table, lines in tables.items()}


def without_times(dump: dict[str, list[str]]) -> dict[str, list[str]]:
    files = [re.sub(r"('missing_since': )[0-9.e+]+", r"\1gone", line) for line in dump["files"]]
    return dump | {"files": sorted(files)}


def test_lost_records_and_dead_tasks_change_nothing(catalog: Catalog) -> None:
    files = [
        song(f"x/{n}.mp3", n, title=f"S{n}", artists=(NAMES[n % 6],), album=TITLES[n % 3])
        for n in range(12)
    ]
    with tempfile.TemporaryDirectory() as folder:
        plain = empty_catalog(folder, "plain")
        scan(plain, files)
        expected = canonical_dump(plain)
        plain.dispose()
    begin(catalog)
    discover(catalog, files, split=shuffled(3, 4))

    lost = take_one(catalog)
    assert lost is not None
    assert journal.send_back(catalog, lost)  # its record in Redis was gone
    dead = take_one(catalog)
    assert dead is not None
    journal.reconcile(catalog, "Redis was emptied", 10)
    assert store(catalog, dead, files) is not None  # alive after all
    assert journal.reconcile(catalog, EPOCH, 0).dispatches == ()
    work(catalog, files)
    finish_scan(catalog, "scan-1", now=time.time())

    assert canonical_dump(catalog) == expected
