"""Every file of every scan has one outcome, and those that had not changed are told by few rows."""

from __future__ import annotations

import itertools
import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tests.worker.catalog.scenario import broken, rows, scan, song
from wire.roots import make_root
from wire.states import ScanMode
from wire.text import path_from_wire
from worker.catalog import dump, unchanged
from worker.catalog.store import Catalog
from worker.library.model import FileResult


def told(catalog: Catalog, scan_id: str) -> dict[bytes, str]:
    """Path -> outcome, of every file of a scan; no file has two."""
    with catalog.read() as connection:
        found = list(dump.rows(connection, "outcomes", scan_id))
    assert {row["scan_id"] for row in found} <= {scan_id}
    assert max(Counter(row["file_id"] for row in found).values(), default=1) == 1
    return {path_from_wire(row["path"]): row["outcome"] for row in found}


def library(*numbers: int, folder: str = "a") -> list[FileResult]:
    return [song(f"{folder}/{number:02}.mp3", number) for number in numbers]


@given(st.sets(st.integers(0, 60)), st.lists(st.integers(0, 60), max_size=3))
def test_runs_name_these_ids_and_no_others(ids: set[int], cuts: list[int]) -> None:
    given_runs = [(number, number) for number in sorted(ids, key=lambda n: (n in cuts, n))]
    runs = list(unchanged.merged(given_runs))
    assert [n for first, last in runs for n in range(first, last + 1)] == sorted(ids)
    assert all(one[1] + 1 < other[0] for one, other in itertools.pairwise(runs))


def test_a_library_that_has_not_changed_is_one_row(catalog: Catalog) -> None:
    files = library(*range(30)) + library(*range(30), folder="b")
    scan(catalog, files)
    scan(catalog, files, "scan-2")
    scan(catalog, files, "scan-3", mode=ScanMode.NORMAL)

    runs = [(row["scan_id"], row["first_file_id"], row["last_file_id"])
            for row in rows(catalog, "unchanged")]  # fmt: skip
    assert runs == [("scan-2", 1, 60), ("scan-3", 1, 60)]
    assert told(catalog, "scan-1") == {file.path: "new" for file in files}
    assert told(catalog, "scan-2") == {file.path: "unchanged" for file in files}


def test_a_folder_whose_ids_are_scattered(catalog: Catalog) -> None:
    first, other = library(1, 2), library(1, folder="b")
    scan(catalog, first + other)
    grown = library(1, 2, 3)  # its third file has an id behind those of the other folder
    scan(catalog, grown + other, "scan-2")
    assert told(catalog, "scan-2")[b"a/03.mp3"] == "new"
    without_other = grown + library(7, folder="b")
    scan(catalog, without_other, "scan-3", mark_anyway=True)

    assert told(catalog, "scan-3") == {
        b"a/01.mp3": "unchanged", b"a/02.mp3": "unchanged", b"a/03.mp3": "unchanged",
        b"b/07.mp3": "new", b"b/01.mp3": "missing",
    }  # fmt: skip


def test_a_file_that_moved_into_a_settled_folder_of_another_root(catalog: Catalog) -> None:
    other, moved = make_root("/other"), [song("b/03.mp3", 3)]
    scan(catalog, library(1, 2, 3))
    scan(catalog, moved, "scan-2", root=other)
    scan(catalog, library(1, 2), "scan-3")  # only now is it known where the third file went
    (file_id,) = (row["id"] for row in rows(catalog, "files") if row["name"] == b"03.mp3")
    assert file_id == 3, "it has kept its id"
    scan(catalog, moved, "scan-4", root=other)

    assert told(catalog, "scan-4") == {b"b/03.mp3": "unchanged"}


def test_whatever_happens_every_file_has_one_outcome(catalog: Catalog) -> None:
    rng = random.Random(7)
    names = [(folder, number) for folder in "abc" for number in range(8)]
    before: set[bytes] = set()
    for turn in range(12):
        files = [
            (broken if number == 5 else song)(f"{folder}/{number}.mp3", 100 * number + version)
            for folder, number in names
            if rng.random() < 0.8
            for version in [rng.random() < 0.2]
        ]
        there = {file.path for file in files}
        scan(catalog, files, f"scan-{turn}", mark_anyway=True)

        found = told(catalog, f"scan-{turn}")
        missing = {path for path, outcome in found.items() if outcome == "missing"}
        assert found.keys() - missing == there
        gone = before - there  # or moved: files of the same number look the same
        assert missing <= gone
        assert len(gone - missing) <= list(found.values()).count("moved")
        before = there
