"""Forgetting missing files: what is shown before, what goes, what never goes."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, update

from tests.worker.catalog.scenario import ROOT, begin, canonical_dump, rows, scan, song
from wire.events import EventError
from wire.missing import MissingQuestion
from wire.roots import make_root
from worker.catalog import purge as purge_module
from worker.catalog import schema
from worker.catalog.purge import preview, purge
from worker.catalog.schema import files
from worker.catalog.store import Catalog

ALL = MissingQuestion(before=math.inf)
OTHER = make_root("/other")
LIBRARY = [
    song(
        f"{n // 4}/{n}.mp3",
        n,
        title=f"Song {n}",
        artists=(f"Artist {n // 4}", "Everywhere"),
        album=f"Album {n // 4}",
        album_artists=(f"Band {n // 4}",),
        genres=(f"Genre {n // 4}",),
    )
    for n in range(12)
]


def lose(catalog: Catalog, count: int) -> None:
    """Scan the library, then again without its first files."""
    scan(catalog, LIBRARY)
    scan(catalog, LIBRARY[count:], "scan-2")


def library_of(catalog: Catalog) -> dict[str, list[object]]:
    dump = canonical_dump(catalog)
    return {k: v for k, v in dump.items() if k not in ("tallies", "outcomes")}


def test_preview_counts_what_would_be_left_empty(catalog: Catalog) -> None:
    lose(catalog, 6)

    seen = preview(catalog, ALL)

    assert (seen.files, seen.tracks, seen.albums) == (6, 6, 1)
    assert seen.artists == 2  # Artist 0 and Band 0; the others are on what stays
    assert seen.size_bytes == sum(1000 + n for n in range(6))
    assert [file.path for file in seen.first] == [f"{n // 4}/{n}.mp3" for n in range(6)]
    assert {file.root for file in seen.first} == {ROOT.display}
    assert seen.oldest is not None
    assert seen.oldest == seen.newest
    assert seen.scanned == ""


def test_purge_deletes_what_was_shown_and_leaves_no_orphan(catalog: Catalog) -> None:
    lose(catalog, 6)
    seen = preview(catalog, ALL)
    before = {t: len(rows(catalog, t)) for t in ("files", "tracks", "albums", "artists", "genres")}

    assert purge(catalog, ALL).files == 6

    after = {table: len(rows(catalog, table)) for table in before}
    assert {table: before[table] - after[table] for table in before} == {
        "files": seen.files,
        "tracks": seen.tracks,
        "albums": seen.albums,
        "artists": seen.artists,
        "genres": 1,
    }
    assert [row["path"] for row in rows(catalog, "folders")] == [b"1", b"2"]
    assert preview(catalog, ALL).files == 0
    assert purge(catalog, ALL).files == 0


def test_what_is_left_is_as_if_the_rest_had_never_been(catalog: Catalog, tmp_path: object) -> None:
    lose(catalog, 6)
    purge(catalog, ALL)
    fresh = Catalog(f"sqlite:///{tmp_path}/fresh.db")
    fresh.migrate()
    scan(fresh, LIBRARY[6:])

    left, expected = library_of(catalog), library_of(fresh)
    fresh.dispose()

    for table in ("tracks", "artists", "albums", "genres", "track_artists", "album_artists"):
        assert left[table] == expected[table], table


def test_a_purged_file_that_is_found_again_is_new(catalog: Catalog) -> None:
    lose(catalog, 6)
    purge(catalog, ALL)

    scan(catalog, LIBRARY, "scan-3")

    assert len(rows(catalog, "files")) == len(rows(catalog, "tracks")) == 12
    told = [row["outcome"] for row in rows(catalog, "outcomes") if row["scan_id"] == "scan-3"]
    assert told == ["new"] * 6


def test_only_what_is_missing_long_enough_goes(catalog: Catalog) -> None:
    lose(catalog, 2)
    with catalog.write() as connection:
        long_ago = update(files).where(files.c.path_display == "0/0.mp3")
        connection.execute(long_ago.values(missing_since=1000.0))

    assert preview(catalog, MissingQuestion(before=999.0)).files == 0
    assert purge(catalog, MissingQuestion(before=1000.0)).files == 1

    assert "0/0.mp3" not in [row["path_display"] for row in rows(catalog, "files")]
    assert preview(catalog, ALL).files == 1


def test_purge_of_one_root_leaves_the_other_alone(catalog: Catalog) -> None:
    for number in (1, 2):  # the second time each is known to be there beside the other
        scan(catalog, LIBRARY, f"scan-{number}")
        scan(catalog, LIBRARY, f"other-{number}", root=OTHER)
    scan(catalog, LIBRARY[2:], "scan-3")
    scan(catalog, LIBRARY[3:], "other-3", root=OTHER)

    seen = preview(catalog, MissingQuestion(OTHER.id, math.inf))
    assert (seen.files, seen.albums, seen.artists) == (3, 0, 0)
    assert purge(catalog, MissingQuestion(OTHER.id, math.inf)).files == 3

    assert preview(catalog, ALL).files == 2


def test_what_another_root_has_just_found_stays(catalog: Catalog) -> None:
    lose(catalog, 2)
    found, *_ = [row["id"] for row in rows(catalog, "files") if row["missing_since"] is not None]
    begin(catalog, "other", root=OTHER)
    with catalog.write() as connection:
        connection.execute(
            insert(schema.scan_missing), {"scan_id": "other", "file_id": found, "found_as_id": 12}
        )

    assert purge(catalog, MissingQuestion(ROOT.id, math.inf)).files == 1

    assert found in [row["id"] for row in rows(catalog, "files")]


def test_nothing_goes_while_its_root_is_scanned(catalog: Catalog) -> None:
    lose(catalog, 2)
    begin(catalog, "scan-3")

    assert preview(catalog, ALL).scanned == ROOT.display
    refused = purge(catalog, ALL)

    assert (refused.files, refused.scanned) == (0, ROOT.display)
    assert preview(catalog, ALL).files == 2
    assert purge(catalog, MissingQuestion(OTHER.id, math.inf)).scanned == ""


def test_a_purge_that_died_between_two_steps_goes_on(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purge_module, "PURGE_CHUNK", 2)
    lose(catalog, 6)
    # What the first step of a purge does, and then its process is gone before it settled.
    with catalog.write() as connection:
        gone = [row["id"] for row in rows(catalog, "files")][:2]
        of_gone = schema.tracks.c.file_id.in_(gone)
        ids = connection.execute(schema.tracks.select().where(of_gone)).scalars().all()
        purge_module.forget_tracks(connection, ids)
        connection.execute(delete(files).where(files.c.id.in_(gone)))

    assert purge(catalog, ALL).files == 4

    assert sorted(row["title"] for row in rows(catalog, "albums")) == ["Album 1", "Album 2"]


@pytest.mark.parametrize("limit", [-1, 51])
def test_a_question_names_few_files(limit: int) -> None:
    with pytest.raises(EventError, match="limit"):
        MissingQuestion(limit=limit)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    lost=st.sets(st.integers(0, 11)),
    back=st.sets(st.integers(0, 11)),
    days=st.dictionaries(st.integers(0, 11), st.integers(0, 60)),
    older_than=st.integers(0, 60),
)
def test_purge_never_touches_a_file_that_is_there(
    tmp_path_factory: pytest.TempPathFactory,
    lost: set[int],
    back: set[int],
    days: dict[int, int],
    older_than: int,
) -> None:
    catalog = Catalog(f"sqlite:///{tmp_path_factory.mktemp('purge')}/library.db")
    catalog.migrate()
    scan(catalog, LIBRARY)
    scan(catalog, [s for n, s in enumerate(LIBRARY) if n not in lost], "scan-2", mark_anyway=True)
    lost -= back
    scan(catalog, [s for n, s in enumerate(LIBRARY) if n not in lost], "scan-3", mark_anyway=True)
    now = time.time()
    by_path = {row["path_display"]: row for row in rows(catalog, "files")}
    with catalog.write() as connection:
        for number in lost:
            name = f"{number // 4}/{number}.mp3"
            since = now - 86_400.0 * days.get(number, 0)
            row = update(files).where(files.c.id == by_path[name]["id"])
            connection.execute(row.values(missing_since=since))
    question = MissingQuestion(before=now - 86_400.0 * older_than)
    tracks = {row["file_id"]: row for row in rows(catalog, "tracks")}
    there = {row["id"]: row for row in rows(catalog, "files") if row["missing_since"] is None}
    expected = {n for n in lost if days.get(n, 0) >= older_than}
    seen = preview(catalog, question)
    assert seen.files == len(expected)
    counts = {table: len(rows(catalog, table)) for table in ("albums", "artists")}

    assert purge(catalog, question).files == len(expected)

    left = {row["id"]: row for row in rows(catalog, "files")}
    assert {i: left.get(i) for i in there} == there
    assert len(left) == 12 - len(expected)
    assert all(row == tracks[row["file_id"]] for row in rows(catalog, "tracks"))
    assert len(rows(catalog, "albums")) == counts["albums"] - seen.albums
    assert len(rows(catalog, "artists")) == counts["artists"] - seen.artists
    catalog.dispose()
