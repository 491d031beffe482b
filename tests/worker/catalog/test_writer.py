"""Storing files: outcomes, odd text and paths, what becomes of tracks."""

from __future__ import annotations

import json

import pytest

from tests.worker.catalog.scenario import (
    ROOT,
    begin,
    broken,
    discover,
    found_file,
    rows,
    scan,
    song,
    take_one,
    work,
)
from wire.outcomes import Outcome
from wire.states import ScanMode, ScanState
from worker.catalog import discovery, queries, writer
from worker.catalog.finish import finish_scan
from worker.catalog.owner import Owner
from worker.catalog.store import Catalog
from worker.library.model import Audio, FileResult, Signature, Tags

FULL_TAGS = Tags(
    title="Title", artists=("A", "B"), album="Album", album_artists=("A",), genres=("Rock", "Pop"),
    composers=("C",), track_number=3, track_total=12, disc_number=1, disc_total=2,
    date="2001-02-03", original_date="1999", compilation=False, title_sort="Title, The",
    album_sort="Album, The", artist_sorts=("A, x", "B, y"), album_artist_sorts=("A, x",),
    label="Label", catalog_number="CAT 1", barcode="123", comment="comment", has_lyrics=True,
    bpm=120.5, key="Am", isrcs=("FR1", "FR2"), encoder="LAME",
    mb_recording_id="11111111-1111-1111-1111-111111111111",
    mb_track_id="22222222-2222-2222-2222-222222222222",
    mb_release_id="33333333-3333-3333-3333-333333333333",
    mb_release_group_id="44444444-4444-4444-4444-444444444444",
    mb_artist_ids=("55555555-5555-5555-5555-555555555555", "66666666-6666-6666-6666-666666666666"),
    mb_album_artist_ids=("55555555-5555-5555-5555-555555555555",),
    acoustid_id="77777777-7777-7777-7777-777777777777", replaygain_track_gain_db=-7.5,
    replaygain_track_peak=0.9, replaygain_album_gain_db=-8.25, replaygain_album_peak=1.0,
    cover_count=2, cover_kinds=("front", "back"), cover_bytes=123_456,
)  # fmt: skip


def test_every_field_is_a_column(catalog: Catalog) -> None:
    audio = Audio("flac", "flac", 200.25, 900_000, 96_000, 2, 24)
    scan(catalog, [FileResult(b"x/1.flac", Signature(1, 2, 3), tags=FULL_TAGS, audio=audio)])

    [track] = rows(catalog, "tracks")
    for record in (FULL_TAGS, audio):
        for name in record.__slots__:
            value = getattr(record, name)
            if name in ("artists", "artist_sorts", "genres"):
                continue
            stored = json.loads(track[name]) if isinstance(value, tuple) else track[name]
            assert stored == (list(value) if isinstance(value, tuple) else value), name
    credits = [(r["credited_name"], r["sort_name"]) for r in rows(catalog, "track_artists")]
    assert credits == [("A", "A, x"), ("B", "B, y")]
    assert [r["written_name"] for r in rows(catalog, "track_genres")] == ["Rock", "Pop"]
    assert track["artist"] == "A; B"
    [album] = rows(catalog, "albums")
    assert (album["date"], album["label"], album["artist"]) == ("2001-02-03", "Label", "A")
    assert {r["mbid"] for r in rows(catalog, "artists")} == set(FULL_TAGS.mb_artist_ids)


def test_no_path_is_refused(catalog: Catalog) -> None:
    paths = [
        b"caf\xe9/\xff\xfe.mp3",
        "caf\N{LATIN SMALL LETTER E WITH ACUTE}/1.mp3".encode(),
        "cafe\N{COMBINING ACUTE ACCENT}/1.mp3".encode(),
        b"new\nline/\x1b[31m.mp3",
        b"/".join([b"d" * 250] * 15) + b"/1.mp3",
        b"at the root.mp3",
        b"\xed\xa0\x80.mp3",
    ]
    files = [song(path, n, title=str(n)) for n, path in enumerate(paths)]
    scan(catalog, files)
    folders = {row["id"]: bytes(row["path"]) for row in rows(catalog, "folders")}
    stored = {
        (folders[row["folder_id"]] + b"/" + bytes(row["name"])).lstrip(b"/")
        for row in rows(catalog, "files")
    }
    assert stored == set(paths)
    assert all(row["path_display"].isprintable() for row in rows(catalog, "files"))
    scan(catalog, files, "scan-2")
    shown = queries.read_scan(catalog, "scan-2")
    assert shown is not None
    assert shown.counts == {"unchanged": len(paths)}


def test_absurd_numbers_and_long_text_are_stored(catalog: Catalog) -> None:
    far = Signature(2**63 + 5, 2**64, -(2**70))
    tags = Tags(title="t" * 1000, artists=("é" * 3000,), album="ß" * 3000, track_number=2**40)
    scan(catalog, [FileResult(b"a/1.mp3", far, tags=tags)])
    [file] = rows(catalog, "files")
    assert (file["size"], file["ctime_ns"]) == (2**63 - 1, -(2**63))
    assert rows(catalog, "tracks")[0]["track_number"] == 2**40


def test_every_file_of_a_full_scan_is_updated(catalog: Catalog) -> None:
    scan(catalog, [song("a/1.mp3", 1, title="One"), song("a/2.mp3", 2, title="Two")])
    begin(catalog, "full", mode=ScanMode.FULL)
    files = [song("a/1.mp3", 1, title="Read better"), song("a/2.mp3", 5, title="Two")]
    read_all(catalog, files)
    shown = queries.read_scan(catalog, "full")
    assert shown is not None
    assert shown.counts == {"updated": 2}
    assert sorted(r["title"] for r in rows(catalog, "tracks")) == ["Read better", "Two"]
    assert len(rows(catalog, "track_artists")) == 0


def read_all(catalog: Catalog, files: list[FileResult]) -> None:
    """A scan in full mode, which reads files that have not changed as well."""
    owner = Owner.current()
    assert discovery.claim_discovery(catalog, "full", owner, 60)
    folder = discovery.FoundFolder(b"a", b"digest", files_found=len(files))
    chunk = discovery.FoundChunk([folder], [[found_file(f) for f in files]])
    assert discovery.add_found(catalog, "full", owner, chunk)
    assert discovery.finish_discovery(catalog, "full", owner)
    work(catalog, files, "full")
    assert finish_scan(catalog, "full", now=1.0)


def test_damaged_file_loses_its_track_and_gets_it_back(catalog: Catalog) -> None:
    scan(catalog, [song("a/1.mp3", 1, title="One", artists=("A",), album="X")])
    scan(catalog, [broken("a/1.mp3", 2)], "scan-2")
    for table in ("tracks", "artists", "albums", "track_artists", "album_artists"):
        assert rows(catalog, table) == [], table
    scan(catalog, [song("a/1.mp3", 3, title="One")], "scan-3")
    assert [row["title"] for row in rows(catalog, "tracks")] == ["One"]
    assert len(rows(catalog, "files")) == 1


@pytest.mark.parametrize(
    ("outcome", "cls"), [(Outcome.PERMISSION, "PermissionError"), (Outcome.UNREADABLE, "OSError")]
)
def test_track_survives_what_may_pass(catalog: Catalog, outcome: Outcome, cls: str) -> None:
    scan(catalog, [song("a/1.mp3", 1, title="One")])
    scan(catalog, [broken("a/1.mp3", 2, outcome, cls)], "scan-2")
    assert [row["title"] for row in rows(catalog, "tracks")] == ["One"]
    known = discovery.known_files(catalog, ROOT.id, [b"a"])
    assert known[b"a"][b"1.mp3"].retry


def test_quarantined_file_is_known_as_such(catalog: Catalog) -> None:
    scan(catalog, [broken("a/1.mp3", 1, Outcome.QUARANTINED, "ProcessDied")])
    file = discovery.known_files(catalog, ROOT.id, [b"a"])[b"a"][b"1.mp3"]
    assert (file.quarantined, file.problem, file.retry) == (True, True, False)


def test_tags_only_is_stored_and_a_problem(catalog: Catalog) -> None:
    file = FileResult(b"a/1.mp3", Signature(1, 2, 3), Outcome.TAGS_ONLY, "HeaderNotFoundError",
                      "no audio", tags=Tags(title="Only tags"), flags=("x", "y"))  # fmt: skip
    scan(catalog, [file])
    assert rows(catalog, "tracks")[0]["title"] == "Only tags"
    assert rows(catalog, "files")[0]["flags"] == "x y"
    [problem] = queries.problems(catalog, "scan-1")
    assert (problem.path, problem.outcome, problem.message) == ("a/1.mp3", "tags_only", "no audio")


def test_given_up_batch_gives_each_file_its_reason(catalog: Catalog) -> None:
    begin(catalog)
    discover(catalog, [song("a/1.mp3", 1), song("a/2.mp3", 2)])
    held = take_one(catalog)
    assert held is not None
    done = writer.give_up(catalog, held, "BatchFailed", "never ended", now=5.0)
    assert done == writer.Completed(2, finish=True)
    assert writer.give_up(catalog, held, "BatchFailed", "twice", now=5.0) is None
    finish_scan(catalog, "scan-1", now=6.0)
    found = queries.problems(catalog, "scan-1")
    assert [(p.path, p.message, p.at) for p in found] == [
        ("a/1.mp3", "never ended", 5.0),
        ("a/2.mp3", "never ended", 5.0),
    ]
    assert queries.problems(catalog, "scan-1", after_id=found[0].id) == found[1:]
    assert queries.problems(catalog, "scan-1", limit=1) == found[:1]
    assert queries.problems(catalog, "scan-1", outcome=Outcome.TIMED_OUT) == []
    shown = queries.read_scan(catalog, "scan-1")
    assert shown is not None
    assert shown.state is ScanState.COMPLETED_WITH_PROBLEMS
    assert [stage.failed for stage in shown.stages] == [0, 2, 0, 0]


def test_numbers_of_a_scan_under_way(catalog: Catalog) -> None:
    files = [song(f"a/{n}.mp3", n, title=str(n)) for n in range(6)]
    begin(catalog, requested_by="page")
    discover(catalog, files, split=lambda found: [found[:2], found[2:]])
    held = take_one(catalog)
    shown = queries.read_scan(catalog, "scan-1")
    assert held is not None
    assert shown is not None
    assert shown.state is ScanState.SCANNING
    assert [(s.key, s.done, s.total, s.waiting) for s in shown.stages] == [
        ("scan", 6, 6, 0),
        ("extract", 0, 6, 6),
        ("batch", 0, 6, 0),
        ("insert", 0, 6, 0),
    ]
    assert [s.id for s in queries.active_scans(catalog)] == ["scan-1"]
    assert [s.id for s in queries.recent_scans(catalog, 5)] == ["scan-1"]
    assert queries.read_scan(catalog, "unknown") is None
    assert queries.known_file_count(catalog, ROOT.id) == 0
