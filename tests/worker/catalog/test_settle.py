"""Which names count, and which tracks are one album, once everything is stored."""

from __future__ import annotations

import math

from tests.worker.catalog.scenario import (
    rows,
    scan,
    shown,
    song,
)
from wire.missing import MissingQuestion
from worker.catalog.purge import purge
from worker.catalog.store import Catalog
from worker.library.model import FileResult


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
