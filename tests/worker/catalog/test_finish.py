"""The end of a scan: what is missing, and what is known the next time."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from tests.worker.catalog.scenario import (
    LIBRARY,
    ROOT,
    begin,
    broken,
    discover,
    ids,
    missing,
    rows,
    scan,
    shown,
    song,
    work,
)
from wire.events import Reason
from wire.outcomes import Outcome
from wire.roots import make_root
from wire.states import ScanState
from worker.catalog import discovery, queries
from worker.catalog.clock import moment
from worker.catalog.finish import finish_scan
from worker.catalog.owner import Owner
from worker.catalog.schema import scans
from worker.catalog.store import Catalog
from worker.library.model import FolderError


def test_second_scan_of_the_same_reads_nothing(catalog: Catalog) -> None:
    scan(catalog, LIBRARY)
    known = discovery.load_folder_digests(catalog, ROOT.id)
    assert len(known) == 10
    assert {folder.files for folder in known.values()} == {10}
    assert len(discovery.load_folder_digests(catalog, ROOT.id, b"3")) == 1

    scan(catalog, LIBRARY, "scan-2")

    again = shown(catalog, "scan-2")
    assert again.counts == {"unchanged": 100}
    assert again.state is ScanState.COMPLETED
    assert again.bytes_read == 0
    assert [row["scan_id"] for row in rows(catalog, "batches")] == ["scan-1"]


def test_gone_file_is_marked_and_comes_back_by_itself(catalog: Catalog) -> None:
    scan(catalog, LIBRARY)
    before = ids(catalog)
    scan(catalog, LIBRARY[1:], "scan-2")
    assert missing(catalog) == ["0/0.mp3"]
    assert shown(catalog, "scan-2").counts == {"unchanged": 99, "missing": 1}
    scan(catalog, LIBRARY[1:], "scan-3")
    assert shown(catalog, "scan-3").counts == {"unchanged": 99}, "it is not missing twice"

    scan(catalog, LIBRARY, "scan-4")

    assert missing(catalog) == []
    assert shown(catalog, "scan-4").counts == {"unchanged": 100}
    assert ids(catalog) == before


def test_one_process_finishes_at_a_time(catalog: Catalog) -> None:
    begin(catalog)
    discover(catalog, LIBRARY[:3])
    work(catalog, LIBRARY[:3])
    with catalog.write() as connection:
        lease = moment(connection).lease(Owner("elsewhere", "boot", 1, "1"), 60)
        connection.execute(update(scans).values(lease))
    assert not finish_scan(catalog, "scan-1", now=1.0)

    with catalog.write() as connection:
        lease = moment(connection).lease(Owner("elsewhere", "boot", 1, "1"), -1)
        connection.execute(update(scans).values(lease))
    assert finish_scan(catalog, "scan-1", now=1.0)
    assert not finish_scan(catalog, "scan-1", now=2.0)
    assert shown(catalog, "scan-1").finished_at == 1.0


def test_roots_do_not_touch_each_other(catalog: Catalog) -> None:
    other = make_root("/other")
    same = [song("a/1.mp3", 1, album="X", artists=("A",))]
    scan(catalog, same, "one")
    scan(catalog, same, "two", root=other)
    assert len(rows(catalog, "albums")) == 2
    assert len(rows(catalog, "artists")) == 1
    scan(catalog, [song("a/2.mp3", 9, album="Y")], "three", root=other, mark_anyway=True)
    [gone] = [row for row in rows(catalog, "files") if row["missing_since"] is not None]
    folders = {row["id"]: row["root_id"] for row in rows(catalog, "folders")}
    assert folders[gone["folder_id"]] == other.id


def test_folder_that_is_gone_takes_its_files_along(catalog: Catalog) -> None:
    scan(catalog, LIBRARY)
    scan(catalog, LIBRARY[10:], "scan-2")
    assert missing(catalog) == sorted(f"0/{n}.mp3" for n in range(10))


def test_folder_that_comes_back_untouched_is_looked_at(catalog: Catalog) -> None:
    scan(catalog, LIBRARY)
    before = ids(catalog)
    scan(catalog, LIBRARY[10:], "scan-2")

    scan(catalog, LIBRARY, "scan-3")

    assert shown(catalog, "scan-3").counts == {"unchanged": 100}
    assert missing(catalog) == []
    assert ids(catalog) == before


def test_folder_that_is_renamed_and_named_back_is_the_same(catalog: Catalog) -> None:
    songs = [{"number": n, "title": f"Song {n}"} for n in range(3)]
    here, there = ([song(f"{name}/{s['number']}.mp3", **s) for s in songs] for name in "ab")
    scan(catalog, here)
    before = ids(catalog)
    scan(catalog, there, "scan-2")
    assert list(ids(catalog)) == ["b/0.mp3", "b/1.mp3", "b/2.mp3"]

    scan(catalog, here, "scan-3")

    assert shown(catalog, "scan-3").counts == {"moved": 3}
    assert ids(catalog) == before
    assert missing(catalog) == []


@pytest.mark.parametrize(
    ("left", "words"), [(40, "60 of 100 known files"), (0, "no music any more")]
)
def test_library_that_vanished_is_doubted(catalog: Catalog, left: int, words: str) -> None:
    scan(catalog, LIBRARY)
    scan(catalog, LIBRARY[:left], "scan-2")

    assert shown(catalog, "scan-2").state is ScanState.SKIPPED
    assert words in shown(catalog, "scan-2").reason
    assert missing(catalog) == []

    scan(catalog, LIBRARY, "scan-3")
    assert shown(catalog, "scan-3").counts == {"unchanged": 100}
    scan(catalog, LIBRARY[:left], "scan-4", mark_anyway=True)
    assert len(missing(catalog)) == 100 - left


def test_few_files_may_all_but_one_be_gone(catalog: Catalog) -> None:
    scan(catalog, LIBRARY[:40])
    scan(catalog, LIBRARY[:1], "scan-2")
    assert len(missing(catalog)) == 39


def test_nothing_is_missing_below_a_refused_folder(catalog: Catalog) -> None:
    scan(catalog, LIBRARY)
    refused = FolderError(b"0", "PermissionError", "Permission denied")

    scan(catalog, LIBRARY[20:], "scan-2", errors=[refused])

    assert missing(catalog) == sorted(f"1/{n}.mp3" for n in range(10, 20))
    assert shown(catalog, "scan-2").state is ScanState.COMPLETED_WITH_PROBLEMS
    told = queries.problems(catalog, "scan-2")
    assert [(p.path, p.outcome) for p in told] == [("0/", Outcome.PERMISSION)]
    assert shown(catalog, "scan-2").problems == {"permission": 1}
    assert shown(catalog, "scan-2").reasons == (Reason("permission", "PermissionError", 1),)


def test_nothing_is_missing_after_an_input_error(catalog: Catalog) -> None:
    scan(catalog, LIBRARY)
    error = FolderError(b"0", "OSError", "Input/output error")
    scan(catalog, LIBRARY[20:], "scan-2", errors=[error])
    assert missing(catalog) == []
    told = shown(catalog, "scan-2")
    assert told.state is ScanState.SKIPPED
    assert "no file was marked missing" in told.reason
    assert told.would_mark == 10, "what lies in the other folder that is gone"
    scan(catalog, LIBRARY[20:], "anyway", errors=[error], mark_anyway=True)
    assert missing(catalog) == sorted(f"1/{n}.mp3" for n in range(10, 20))
    scan(catalog, LIBRARY[20:], "scan-3")
    assert len(missing(catalog)) == 20


def test_scan_of_one_folder_says_nothing_of_the_others(catalog: Catalog) -> None:
    scan(catalog, LIBRARY)
    scan(catalog, LIBRARY[1:10], "scan-2", folder=b"0")
    assert missing(catalog) == ["0/0.mp3"]


def test_problems_are_told_and_known_the_next_time(catalog: Catalog) -> None:
    files = [
        broken("a/1.mp3", 1),
        broken("b/2.mp3", 2, Outcome.PERMISSION, "PermissionError"),
        song("b/3.mp3", 3, title="fine"),
    ]
    scan(catalog, files)
    first = shown(catalog, "scan-1")
    assert first.state is ScanState.COMPLETED_WITH_PROBLEMS
    assert first.counts == {"unreadable": 1, "permission": 1, "new": 1}
    assert [(r.outcome, r.error_class, r.files) for r in first.reasons] == [
        ("permission", "PermissionError", 1),
        ("unreadable", "HeaderError", 1),
    ]
    known = discovery.load_folder_digests(catalog, ROOT.id)
    assert set(known) == {b"a"}, "a folder with a file to be read again is not skipped"
    assert known[b"a"].known_problems == 1

    scan(catalog, files, "scan-2")

    second = shown(catalog, "scan-2")
    assert second.counts == {"unchanged": 2, "permission": 1}
    assert second.known_problems == 1
