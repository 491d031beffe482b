"""The end of a scan: what is missing, what moved, which names count."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from sqlalchemy import update

from tests.worker.catalog.scenario import (
    ROOT,
    begin,
    broken,
    discover,
    rows,
    scan,
    song,
    work,
)
from wire.events import Reason, Scan
from wire.missing import MissingQuestion
from wire.outcomes import Outcome
from wire.roots import make_root
from wire.states import ScanState
from worker.catalog import discovery, queries
from worker.catalog.clock import moment
from worker.catalog.finish import finish_scan
from worker.catalog.owner import Owner
from worker.catalog.purge import purge
from worker.catalog.schema import scans
from worker.catalog.store import Catalog
from worker.library.model import MAX_DURATION_SECONDS, Audio, FileResult, FolderError

LIBRARY = [
    song(f"{n // 10}/{n}.mp3", n, title=f"Song {n}", album=f"A{n // 10}") for n in range(100)
]


def shown(catalog: Catalog, scan_id: str) -> Scan:
    found = queries.read_scan(catalog, scan_id)
    assert found is not None
    return found


def ids(catalog: Catalog) -> dict[str, int]:
    return {row["path_display"]: row["id"] for row in rows(catalog, "files")}


def missing(catalog: Catalog) -> list[str]:
    return sorted(
        row["path_display"] for row in rows(catalog, "files") if row["missing_since"] is not None
    )


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
    scan(catalog, [replace(before, audio=audio), *LIBRARY[:3]])
    scan(catalog, [replace(after, audio=audio), *LIBRARY[:3]], "scan-2")
    assert missing(catalog) == ["a/one.mp3"]


def test_name_most_often_written_is_shown(catalog: Catalog) -> None:
    spelled = ["BJÖRK", "Björk", "Björk", "björk"]
    files = [song(f"a/{n}.mp3", n, artists=(s,), genres=(s,)) for n, s in enumerate(spelled)]
    scan(catalog, files)
    assert [row["name"] for row in rows(catalog, "artists")] == ["Björk"]
    assert [row["name"] for row in rows(catalog, "genres")] == ["Björk"]


def test_mended_tag_moves_the_track_and_leaves_no_orphan(catalog: Catalog) -> None:
    wrong = song("a/1.mp3", 1, artists=("Bjork",), album="Pots", genres=("Pip",))
    scan(catalog, [wrong])
    scan(catalog, [song("a/1.mp3", 2, artists=("Björk",), album="Post", genres=("Pop",))], "two")

    assert [row["name"] for row in rows(catalog, "artists")] == ["Björk"]
    assert [row["title"] for row in rows(catalog, "albums")] == ["Post"]
    assert [row["name"] for row in rows(catalog, "genres")] == ["Pop"]
    assert shown(catalog, "two").counts == {"updated": 1}


def test_track_without_ids_joins_the_album_beside_it(catalog: Catalog) -> None:
    release, artist = "0a5ae2f4-cf1f-4e1f-9d1c-7d6f1a3f1a11", "87c5dedd-371d-4a53-9f7f-80522fb7f3cb"
    tags = {"album": "Post", "artists": ("Björk",)}
    known = {"mb_release_id": release, "mb_artist_ids": (artist,), "album_artists": ("Björk",)}
    files = [song(f"a/{n}.mp3", n, **tags, **(known if n else {})) for n in range(4)]
    scan(catalog, files)
    [album] = rows(catalog, "albums")
    assert (album["mbid"], album["artist"]) == (release, "Björk")
    assert [row["mbid"] for row in rows(catalog, "artists")] == [artist]
    assert {row["album_id"] for row in rows(catalog, "tracks")} == {album["id"]}


def test_homonyms_with_different_ids_stay_apart(catalog: Catalog) -> None:
    ids = ("87c5dedd-371d-4a53-9f7f-80522fb7f3cb", "9282c8b4-ca0b-4c6b-b7e3-4f7762dfc4d6")
    files = [song(f"{n}.mp3", n, artists=("Nirvana",), mb_artist_ids=(ids[n],)) for n in range(2)]
    scan(catalog, [*files, song("2.mp3", 2, artists=("Nirvana",))])
    assert sorted(row["mbid"] or "" for row in rows(catalog, "artists")) == ["", *ids]


def test_artist_id_that_is_mended_takes_along_who_joined_it(catalog: Catalog) -> None:
    wrong, right = "87c5dedd-371d-4a53-9f7f-80522fb7f3cb", "9282c8b4-ca0b-4c6b-b7e3-4f7762dfc4d6"
    others = [song(f"{n}.mp3", n, artists=("Nirvana",), album="X") for n in range(3)]
    told = {"artists": ("Nirvana",), "album": "X"}
    scan(catalog, [*others, song("9.mp3", 9, mb_artist_ids=(wrong,), **told)])
    assert [row["mbid"] for row in rows(catalog, "artists")] == [wrong]

    scan(catalog, [*others, song("9.mp3", 10, mb_artist_ids=(right,), **told)], "scan-2")

    assert [row["mbid"] for row in rows(catalog, "artists")] == [right]
    assert len({row["artist_id"] for row in rows(catalog, "track_artists")}) == 1


def test_homonym_that_comes_later_lets_go_who_had_joined_the_first(catalog: Catalog) -> None:
    ids = ("87c5dedd-371d-4a53-9f7f-80522fb7f3cb", "9282c8b4-ca0b-4c6b-b7e3-4f7762dfc4d6")
    known = [song(f"{n}.mp3", n, artists=("Nirvana",), mb_artist_ids=(ids[n],)) for n in range(2)]
    nameless = song("2.mp3", 2, artists=("Nirvana",))
    scan(catalog, [nameless, known[0]])
    assert [row["mbid"] for row in rows(catalog, "artists")] == [ids[0]]

    scan(catalog, [nameless, *known], "scan-2")
    assert sorted(row["mbid"] or "" for row in rows(catalog, "artists")) == ["", *ids]

    scan(catalog, [nameless, known[1]], "scan-3")
    purge(catalog, MissingQuestion(before=math.inf))
    assert [row["mbid"] for row in rows(catalog, "artists")] == [ids[1]]


def test_album_artist_that_is_mended_keeps_the_album_whole(catalog: Catalog) -> None:
    silent = song("a/0.mp3", 0, album="X", artists=("A",))
    wrong, right = (
        [
            song(f"a/{n}.mp3", m + n, album="X", artists=("A",), album_artists=(name,))
            for n in (1, 2)
        ]
        for m, name in ((0, "B"), (10, "A"))
    )
    scan(catalog, [silent, *wrong])
    assert [row["artist"] for row in rows(catalog, "albums")] == ["B"]

    scan(catalog, [silent, *right], "scan-2")

    assert [row["artist"] for row in rows(catalog, "albums")] == ["A"]


def albums_of(catalog: Catalog, files: list[FileResult]) -> list[tuple[str, str]]:
    scan(catalog, files)
    return sorted((row["title"], row["artist"]) for row in rows(catalog, "albums"))


def test_discs_in_folders_are_one_album(catalog: Catalog) -> None:
    files = [song(f"x/CD{d}/{n}.mp3", d, album="X", artists=("A",)) for d in (1, 2) for n in (1, 2)]
    assert albums_of(catalog, files) == [("X", "A")]


def test_two_rips_in_two_folders_are_two_albums(catalog: Catalog) -> None:
    files = [song(f"{folder}/1.mp3", 1, album="X", artists=("A",)) for folder in ("mp3", "flac")]
    assert albums_of(catalog, files) == [("X", "A"), ("X", "A")]


def test_compilation_is_one_album(catalog: Catalog) -> None:
    files = [
        song("v/1.mp3", 1, album="V", artists=("A",), album_artists=("Various Artists",)),
        song("v/2.mp3", 2, album="V", artists=("B",), compilation=True),
        song("v/3.mp3", 3, album="V", artists=("C",)),
    ]
    assert albums_of(catalog, files) == [("V", "Various Artists")]


def test_missing_album_artist_does_not_split_an_album(catalog: Catalog) -> None:
    files = [
        song("a/1.mp3", 1, album="X", artists=("A",), album_artists=("A",)),
        song("a/2.mp3", 2, album="X", artists=("A", "B")),
    ]
    assert albums_of(catalog, files) == [("X", "A")]


def test_ids_of_some_album_artists_do_not_split_an_album(catalog: Catalog) -> None:
    ids = ("87c5dedd-371d-4a53-9f7f-80522fb7f3cb", "9282c8b4-ca0b-4c6b-b7e3-4f7762dfc4d6")
    files = [
        song(
            f"a/{n}.mp3", n, album="X", artists=("A",), album_artists=("A",),
            mb_album_artist_ids=known,
        )
        for n, known in enumerate([ids[:1], (), ids[:1], ()])
    ]  # fmt: skip
    assert albums_of(catalog, files) == [("X", "A")]

    other = song("a/9.mp3", 9, album="X", album_artists=("A",), mb_album_artist_ids=ids[1:])
    scan(catalog, [*files, other], "scan-2")

    assert len(rows(catalog, "albums")) == 3, "homonyms, and who may be either"


def test_one_title_by_two_album_artists_is_two_albums(catalog: Catalog) -> None:
    files = [
        song(f"misc/{n}.mp3", i, album="Greatest Hits", artists=(n,), album_artists=(n,))
        for i, n in enumerate(("ABBA", "Queen"))
    ]
    assert albums_of(catalog, files) == [("Greatest Hits", "ABBA"), ("Greatest Hits", "Queen")]


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
