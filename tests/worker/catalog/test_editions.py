"""One MusicBrainz release in several folders: rips are told apart, discs belong together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hypothesis import given
from hypothesis import strategies as st

from tests.worker.catalog.scenario import rows, scan, song
from worker.catalog.editions import PLACES_MAX, Place, Position, editions
from worker.catalog.store import Catalog
from worker.library.model import FileResult

RELEASE = "0a5ae2f4-cf1f-4e1f-9d1c-7d6f1a3f1a11"


def disc(
    folder: str, number: int | None = 1, *, read: int = 0, tracks: int = 3
) -> list[FileResult]:
    """The files of a disc; `read` makes their signatures differ from an earlier reading."""
    return [
        song(
            f"{folder}/{track}.mp3", 10 * read + track, title=f"Song {number}.{track}",
            album="X", album_artists=("A",), artists=("A",), mb_release_id=RELEASE,
            disc_number=number, track_number=track,
        )
        for track in range(1, tracks + 1)
    ]  # fmt: skip


def albums(catalog: Catalog) -> dict[int, set[str]]:
    """Id of each album -> the folders of its tracks."""
    names = {row["id"]: bytes(row["path"]).decode() for row in rows(catalog, "folders")}
    folder_of = {row["id"]: names[row["folder_id"]] for row in rows(catalog, "files")}
    found: dict[int, set[str]] = {row["id"]: set() for row in rows(catalog, "albums")}
    for track in rows(catalog, "tracks"):
        found[track["album_id"]].add(folder_of[track["file_id"]])
    return found


def folders(catalog: Catalog) -> list[set[str]]:
    return sorted(albums(catalog).values(), key=sorted)


def test_two_rips_of_one_release_are_two_albums_with_ids_of_their_own(catalog: Catalog) -> None:
    scan(catalog, [*disc("flac"), *disc("mp3")])
    before = albums(catalog)
    assert folders(catalog) == [{"flac"}, {"mp3"}]
    assert {row["mbid"] for row in rows(catalog, "albums")} == {RELEASE}
    scan(catalog, [*disc("flac", read=1), *disc("mp3", read=1)], "scan-2")
    assert albums(catalog) == before


def test_discs_in_any_folders_are_one_album(catalog: Catalog) -> None:
    scan(catalog, [*disc("X/CD1", None), *disc("X/CD2", None), *disc("X - bonus", 3)])
    assert folders(catalog) == [{"X/CD1", "X/CD2", "X - bonus"}]


def test_every_rip_has_its_own_discs(catalog: Catalog) -> None:
    scan(catalog, [*disc("a/one"), *disc("b/bonus", 2), *disc("b/main"), *disc("a/two", 2)])
    assert folders(catalog) == [{"a/one", "a/two"}, {"b/bonus", "b/main"}]


def test_what_comes_later_leaves_the_album_its_id(catalog: Catalog) -> None:
    first = disc("one/m")
    scan(catalog, first)
    [album_id] = albums(catalog)
    scan(catalog, [*disc("one/a", 2), *first], "a second disc")
    assert albums(catalog) == {album_id: {"one/a", "one/m"}}
    scan(catalog, [*disc("one/a", 2), *first, *disc("b")], "another rip")
    assert albums(catalog)[album_id] == {"one/a", "one/m"}
    assert folders(catalog) == [{"b"}, {"one/a", "one/m"}]


def test_mended_disc_number_parts_and_joins(catalog: Catalog) -> None:
    scan(catalog, [*disc("a"), *disc("b")])
    scan(catalog, [*disc("a"), *disc("b", 2, read=1)], "joins")
    assert folders(catalog) == [{"a", "b"}]
    scan(catalog, [*disc("a"), *disc("b", 1, read=2)], "parts")
    assert folders(catalog) == [{"a"}, {"b"}]


def test_moved_album_keeps_its_id(catalog: Catalog) -> None:
    scan(catalog, disc("old"))
    [album_id] = albums(catalog)
    scan(catalog, disc("new"), "scan-2")
    assert albums(catalog) == {album_id: {"new"}}
    scan(catalog, disc("new", read=1), "scan-3")
    assert albums(catalog) == {album_id: {"new"}}


def test_tracks_leave_with_the_id_that_they_joined(catalog: Catalog) -> None:
    plain = [
        song(f"a/{n}.mp3", n, title=f"P{n}", album="X", artists=("A",), track_number=n)
        for n in (7, 8, 9)
    ]
    scan(catalog, [*disc("a", tracks=1), *plain])
    assert len(albums(catalog)) == 1
    without = song("a/1.mp3", 50, title="Song", album="X", artists=("A",), track_number=1)
    scan(catalog, [without, *plain], "scan-2")
    [album] = rows(catalog, "albums")
    assert album["mbid"] is None
    assert {row["album_id"] for row in rows(catalog, "tracks")} == {album["id"]}


PLACES = st.dictionaries(
    st.tuples(st.sampled_from(["r", "s"]), st.sampled_from([b"", b"a", b"a/x", b"a/y", b"b/x"])),
    st.sets(st.tuples(st.integers(1, 2), st.integers(1, 3)), max_size=4),
    min_size=1,
)


def taken(places: Mapping[Place, set[Position]], group: Iterable[Place]) -> list[Position]:
    return [position for place in group for position in places[place]]


@given(PLACES)
def test_no_place_of_a_rip_is_taken_twice(places: dict[Place, set[Position]]) -> None:
    groups = editions(places)
    assert sorted(place for group in groups for place in group) == sorted(places)
    for group in groups:
        assert len(taken(places, group)) == len(set(taken(places, group)))
    for one in groups:
        for other in groups:
            if one is not other:
                assert set(taken(places, one)) & set(taken(places, other)), "they are one rip"
    assert editions(dict(reversed(places.items()))) == groups


def test_hundreds_of_copies_are_told_apart_quickly() -> None:
    copies: dict[Place, set[Position]] = {
        ("r", b"%d" % number): {(1, 1)} for number in range(PLACES_MAX * 20)
    }
    assert len(editions(copies)) == len(copies)
