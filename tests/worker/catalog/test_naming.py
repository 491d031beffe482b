"""When two names, or two folders, mean the same."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.catalog.entities import group
from worker.catalog.naming import digest, is_various, name_key, release_folder
from worker.library.model import FileResult, Signature, Tags


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Sigur Rós", "sigur  rós "),
        ("Björk", unicodedata.normalize("NFD", "BJÖRK")),
        ("ＡＢＢＡ", "abba"),
        ("Straße", "STRASSE"),
        ("a\N{NO-BREAK SPACE}b", "A B"),
    ],
)
def test_same_name(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("Bjork", "Björk"), ("The Band", "Band"), ("P!nk", "Pnk")]
)
def test_other_name(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_key_of_a_key_is_itself(name: str) -> None:
    assert name_key(name_key(name)) == name_key(name)


@pytest.mark.parametrize(
    ("folder", "release"),
    [
        (b"A/X/CD1", b"A/X"),
        (b"A/X/cd 2", b"A/X"),
        (b"A/X/Disc 03 - Live", b"A/X"),
        (b"A/X (Disc 2)", b"A/X"),
        (b"A/X [CD1]", b"A/X"),
        (b"A/X", b"A/X"),
        (b"A/Disco 2000", b"A/Disco 2000"),
        (b"A/ACDC12", b"A/ACDC12"),
        (b"CD1", b""),
        (b"", b""),
    ],
)
def test_folder_of_a_release(folder: bytes, release: bytes) -> None:
    assert release_folder(folder) == release


def test_parts_of_a_digest_do_not_run_together() -> None:
    assert digest("ab", "c") != digest("a", "bc")
    assert digest("a", "") != digest("a")


def test_various_artists_in_many_spellings() -> None:
    assert is_various("VARIOUS  artists")
    assert not is_various("The Various")


def test_ids_that_do_not_match_the_names_belong_to_nobody() -> None:
    ids = ("55555555-5555-5555-5555-555555555555", "66666666-6666-6666-6666-666666666666")
    tags = Tags(artists=("A feat. B",), mb_artist_ids=ids)
    grouped = group([FileResult(b"a/1.mp3", Signature(1, 2, 3), tags=tags)])
    assert [(artist.name, artist.mbid) for artist in grouped.artists] == [("A feat. B", None)]


def test_names_of_nothing_but_space_are_no_names() -> None:
    tags = Tags(artists=(" ", "A"), album="  ", genres=("\t",))
    grouped = group([FileResult(b"a/1.mp3", Signature(1, 2, 3), tags=tags)])
    assert [artist.name for artist in grouped.artists] == ["A"]
    assert (grouped.albums, grouped.genres) == ([], [])
