"""A file that moved keeps its ids; another one never gets them."""

from __future__ import annotations

import pytest

from tests.worker.catalog.scenario import (
    LIBRARY,
    begin,
    ids,
    missing,
    rows,
    scan,
    shown,
    song,
)
from wire.roots import make_root
from wire.states import ScanState
from worker.catalog.store import Catalog
from worker.library.model import MAX_DURATION_SECONDS, Audio, FileResult


def test_renamed_folder_keeps_its_ids_and_is_not_doubted(catalog: Catalog) -> None:
    scan(catalog, LIBRARY)
    before, tracks = ids(catalog), {row["id"] for row in rows(catalog, "tracks")}
    moved = [moved_to(f"new/{n}.mp3", file) for n, file in enumerate(LIBRARY)]

    scan(catalog, moved, "scan-2")

    assert shown(catalog, "scan-2").counts == {"moved": 100}
    assert shown(catalog, "scan-2").state is ScanState.COMPLETED
    after = ids(catalog)
    assert all(after[f"new/{n}.mp3"] == before[f"{n // 10}/{n}.mp3"] for n in range(100))
    assert {row["id"] for row in rows(catalog, "tracks")} == tracks
    assert {row["title"] for row in rows(catalog, "albums")} == {f"A{n}" for n in range(10)}
    assert {row["file_id"] for row in rows(catalog, "outcomes")} == set(after.values())
    assert {row["outcome"] for row in rows(catalog, "files")} == {"moved"}
    scan(catalog, moved, "scan-3")
    assert shown(catalog, "scan-3").counts == {"unchanged": 100}


def moved_to(path: str, file: FileResult) -> FileResult:
    """The same file elsewhere."""
    return FileResult(path.encode(), file.signature, tags=file.tags, audio=file.audio)


def test_retagged_and_moved_recording_is_known_by_its_id(catalog: Catalog) -> None:
    recording = "b1a9c0e9-d987-4042-ae91-78d6a3267d69"
    scan(catalog, [song("a/x.mp3", 1, title="Old", mb_recording_id=recording), *LIBRARY[:3]])
    [before] = [i for path, i in ids(catalog).items() if path == "a/x.mp3"]

    scan(catalog, [song("b/y.mp3", 9, title="New", mb_recording_id=recording), *LIBRARY[:3]], "two")

    assert ids(catalog)["b/y.mp3"] == before
    assert {row["title"] for row in rows(catalog, "tracks")} >= {"New"}


def test_file_that_is_found_elsewhere_by_a_later_scan_is_the_same(catalog: Catalog) -> None:
    other = make_root("/other")
    scan(catalog, LIBRARY[:9])
    before, tracks = ids(catalog), {row["id"] for row in rows(catalog, "tracks")}
    scan(catalog, LIBRARY[2:9], "scan-2")
    assert missing(catalog) == ["0/0.mp3", "0/1.mp3"]

    here = [*LIBRARY[2:9], moved_to("new/0.mp3", LIBRARY[0])]
    scan(catalog, here, "scan-3")
    scan(catalog, [moved_to("1.mp3", LIBRARY[1])], "scan-4", root=other)

    assert shown(catalog, "scan-3").counts == {"unchanged": 7, "moved": 1}
    assert shown(catalog, "scan-4").counts == {"moved": 1}
    after = ids(catalog)
    assert (after["new/0.mp3"], after["1.mp3"]) == (before["0/0.mp3"], before["0/1.mp3"])
    assert {row["id"] for row in rows(catalog, "tracks")} == tracks
    assert missing(catalog) == []
    scan(catalog, here, "scan-5")
    assert shown(catalog, "scan-5").counts == {"unchanged": 8}


def test_file_that_another_scan_has_found_since_is_the_same(catalog: Catalog) -> None:
    """Whichever of two music folders is scanned first."""
    other = make_root("/other")
    beside = song("x.mp3", 50, title="Beside")
    scan(catalog, LIBRARY[:9])
    scan(catalog, [beside], "scan-2", root=other)
    before, tracks = ids(catalog), {row["id"] for row in rows(catalog, "tracks")}

    scan(catalog, [beside, moved_to("0.mp3", LIBRARY[0])], "scan-3", root=other)
    scan(catalog, LIBRARY[1:9], "scan-4")

    assert shown(catalog, "scan-3").counts == {"unchanged": 1, "new": 1}
    assert shown(catalog, "scan-4").counts == {"unchanged": 8}
    assert ids(catalog)["0.mp3"] == before["0/0.mp3"]
    assert {row["id"] for row in rows(catalog, "tracks")} == tracks
    assert missing(catalog) == []
    assert {row["title"] for row in rows(catalog, "albums")} == {"A0"}


def test_name_alone_is_no_reason_to_take_the_ids_of_an_old_file(catalog: Catalog) -> None:
    scan(catalog, [song("a/intro.mp3", 1, title="Intro"), *LIBRARY[:3]])
    scan(catalog, LIBRARY[:3], "scan-2")

    scan(catalog, [song("b/intro.mp3", 1, title="Another"), *LIBRARY[:3]], "scan-3")

    assert shown(catalog, "scan-3").counts == {"unchanged": 3, "new": 1}
    assert missing(catalog) == ["a/intro.mp3"]


def test_copy_that_was_there_before_is_no_moved_file(catalog: Catalog) -> None:
    other = make_root("/other")
    scan(catalog, [moved_to("copy.mp3", LIBRARY[0])], root=other)
    scan(catalog, LIBRARY[:9], "scan-2")
    before = ids(catalog)

    scan(catalog, LIBRARY[1:9], "scan-3")

    assert missing(catalog) == ["0/0.mp3"]
    assert ids(catalog) == before


def test_what_this_scan_misses_moved_rather_than_what_was_missing(catalog: Catalog) -> None:
    twins = [moved_to(f"{name}/0.mp3", LIBRARY[0]) for name in "ab"]
    scan(catalog, [*twins, *LIBRARY[1:4]])
    before = ids(catalog)
    scan(catalog, [*twins[1:], *LIBRARY[1:4]], "scan-2")

    scan(catalog, [moved_to("c/0.mp3", LIBRARY[0]), *LIBRARY[1:4]], "scan-3")

    assert ids(catalog)["c/0.mp3"] == before["b/0.mp3"]
    assert missing(catalog) == ["a/0.mp3"]


def test_missing_file_of_a_root_that_is_being_scanned_is_left_to_that_scan(
    catalog: Catalog,
) -> None:
    other = make_root("/other")
    scan(catalog, LIBRARY[:3])
    scan(catalog, LIBRARY[1:3], "scan-2")
    begin(catalog, "scan-3")

    scan(catalog, [moved_to("x.mp3", LIBRARY[0])], "scan-4", root=other)

    assert shown(catalog, "scan-4").counts == {"new": 1}
    assert missing(catalog) == ["0/0.mp3"]


def test_same_name_is_the_same_file_only_at_the_same_length(catalog: Catalog) -> None:
    scan(catalog, [song("a/one.mp3", 1, title="A"), song("a/two.mp3", 2, title="B"), *LIBRARY[:3]])
    before = ids(catalog)

    retagged, other = song("b/one.mp3", 1, title="Mended"), song("b/two.mp3", 60, title="Other")
    scan(catalog, [retagged, other, *LIBRARY[:3]], "scan-2")

    assert ids(catalog)["b/one.mp3"] == before["a/one.mp3"]
    assert missing(catalog) == ["a/two.mp3"]
    assert shown(catalog, "scan-2").counts == {"unchanged": 3, "moved": 1, "new": 1, "missing": 1}


@pytest.mark.parametrize("seconds", [None, 0.0, MAX_DURATION_SECONDS])
def test_lengths_that_are_not_known_tell_no_file(catalog: Catalog, seconds: float | None) -> None:
    audio = Audio("mp3", "mp3", seconds)
    before, after = song("a/one.mp3", 1, title="A"), song("b/one.mp3", 2, title="B")
    scan(catalog, [before._replace(audio=audio), *LIBRARY[:3]])
    scan(catalog, [after._replace(audio=audio), *LIBRARY[:3]], "scan-2")
    assert missing(catalog) == ["a/one.mp3"]
