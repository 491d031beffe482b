"""Looking at what is stored, on both databases."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.catalog.scenario import broken, scan, song
from wire.answers import AlbumDetail, ArtistDetail, Detail, Found, Kind, Search, pack, unpack
from wire.outcomes import Outcome
from worker.catalog import browse
from worker.catalog.folding import fold, search_text, words_of
from worker.catalog.store import Catalog
from worker.library.model import FileResult

LIBRARY = (
    song("Björk/Homogenic/1.mp3", 1, title="Hunter", artists=("Björk",), album="Homogenic",
         album_artists=("Björk",), track_number=1, date="1997"),
    song("Björk/Homogenic/2.mp3", 2, title="Jóga", artists=("Björk",), album="Homogenic",
         album_artists=("Björk",), track_number=2, date="1997"),
    song("Ärzte/1.mp3", 3, title="Die Straße", artists=("Die Ärzte", "Björk"), album="Jógastunde",
         album_artists=("Die Ärzte",), genres=("Punk",)),
    song("夜/1.mp3", 4, title="ＮＩＧＨＴ 夜", artists=("Ночь",)),
    song("100%_sure.mp3", 5),
    broken("Jóga, broken.mp3", 6),
)  # fmt: skip


def titles(found: Found) -> list[str]:
    return [track.title or track.path for track in found.tracks.tracks]


def find(catalog: Catalog, words: str, kind: Kind | None = None, **page: int) -> Found:
    return browse.search(catalog, Search(words, kind, **page))


def album_named(catalog: Catalog, name: str) -> AlbumDetail:
    [album] = find(catalog, name, Kind.ALBUMS).albums.albums
    return browse.album(catalog, Detail(album.id))


def artist_named(catalog: Catalog, name: str) -> ArtistDetail:
    artist = find(catalog, name, Kind.ARTISTS).artists.artists[0]
    return browse.artist(catalog, Detail(artist.id))


@pytest.fixture
def library(catalog: Catalog) -> Catalog:
    scan(catalog, LIBRARY)
    return catalog


def test_overview_counts_what_is_there(library: Catalog) -> None:
    told = browse.overview(library)
    assert (told.artists, told.albums, told.genres, told.tracks) == (3, 2, 1, 5)
    assert (told.files, told.missing, told.problems) == (6, 0, 1)
    assert told.duration_seconds == 5 * 180 + 1 + 2 + 3 + 4 + 5
    assert told.size_bytes == 6 * 1000 + 21
    assert [album.title for album in told.recent] == ["Jógastunde", "Homogenic"]
    scan(library, LIBRARY[:5], "scan-2")
    later = browse.overview(library)
    assert (later.files, later.missing, later.problems) == (5, 1, 0)


def test_overview_of_nothing_is_zero(catalog: Catalog) -> None:
    told = browse.overview(catalog)
    assert dataclasses.replace(told, at=0.0) == type(told)()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("joga", ["Jóga", "Jóga, broken.mp3", "Die Straße"]),
        ("JÓGA", ["Jóga", "Jóga, broken.mp3", "Die Straße"]),
        ("bjork hunt", ["Hunter"]),
        ("strasse", ["Die Straße"]),
        ("night", ["ＮＩＧＨＴ 夜"]),
        ("夜", ["ＮＩＧＨＴ 夜"]),
        ("ночь НОЧЬ", ["ＮＩＧＨＴ 夜"]),
        ("%", ["100%_sure.mp3"]),
        ("_", ["100%_sure.mp3"]),
        ("\\", []),
        ("joga nowhere", []),
        ("'\"; drop table files; --", []),
        ("\x00\ud800joga\x1b", ["Jóga", "Jóga, broken.mp3", "Die Straße"]),
    ],
)
def test_words_find_files(library: Catalog, words: str, expected: Sequence[str]) -> None:
    found = find(library, words, Kind.TRACKS)
    assert titles(found) == expected
    assert found.tracks.total == len(expected)


def test_words_find_artists_and_albums(library: Catalog) -> None:
    found = find(library, "BJÖRK")
    assert [(a.name, a.albums, a.tracks) for a in found.artists.artists] == [("Björk", 2, 3)]
    assert [a.title for a in found.albums.albums] == ["Homogenic"]
    assert found.tracks.total == 3
    by_artist = find(library, "arzte joga", Kind.ALBUMS).albums
    assert [album.title for album in by_artist.albums] == ["Jógastunde"]


def test_no_words_list_everything(library: Catalog) -> None:
    names = [artist.name for artist in find(library, " ", Kind.ARTISTS).artists.artists]
    assert sorted(names) == ["Björk", "Die Ärzte", "Ночь"]
    assert find(library, "", Kind.TRACKS).tracks.total == len(LIBRARY)


@pytest.mark.parametrize("words", ["", "joga"])
@pytest.mark.parametrize("kind", Kind)
def test_pages_hold_every_row_once(library: Catalog, words: str, kind: Kind) -> None:
    whole = getattr(find(library, words, kind), kind)
    rows = [
        row
        for offset in range(whole.total)
        for row in getattr(getattr(find(library, words, kind, limit=1, offset=offset), kind), kind)
    ]
    assert tuple(rows) == getattr(whole, kind)
    beyond = getattr(find(library, words, kind, offset=1000), kind)
    assert (beyond.total, getattr(beyond, kind)) == (whole.total, ())


def test_file_tells_its_outcome(library: Catalog) -> None:
    [file] = find(library, "broken", Kind.TRACKS).tracks.tracks
    assert (file.has_tags, file.outcome, file.error_class) == (False, "unreadable", "HeaderError")
    assert (file.message, file.scan_id, file.root) == ("what was wrong", "scan-1", "/music")


def test_album_lists_tracks_in_order(library: Catalog) -> None:
    found = album_named(library, "homogenic")
    assert [(t.track_number, t.title) for t in found.tracks.tracks] == [(1, "Hunter"), (2, "Jóga")]
    assert [artist.name for artist in found.artists] == ["Björk"]
    assert found.album
    assert (found.album.tracks, found.album.duration_seconds) == (2, 363.0)
    assert browse.album(library, Detail(10**12)) == AlbumDetail()


def test_artist_lists_albums_and_loose_tracks(library: Catalog) -> None:
    bjork = artist_named(library, "bjork")
    assert {album.title for album in bjork.albums.albums} == {"Homogenic", "Jógastunde"}
    night = artist_named(library, "ночь")
    assert (night.albums.total, night.loose.total) == (0, 1)
    assert night.loose.tracks[0].title == "ＮＩＧＨＴ 夜"
    assert browse.artist(library, Detail(10**12)) == ArtistDetail()


def test_search_follows_what_becomes_of_files(library: Catalog) -> None:
    changed = song("Björk/Homogenic/2.mp3", 12, title="Bachelorette", artists=("Björk",))
    moved = LIBRARY[0]._replace(path=b"elsewhere/first.mp3")
    blocked = broken("\u00c4rzte/1.mp3", 13, Outcome.PERMISSION, "PermissionError")
    rest: list[FileResult] = [moved, changed, blocked, *LIBRARY[3:]]
    scan(library, rest, "scan-2")
    assert titles(find(library, "joga", Kind.TRACKS)) == ["Jóga, broken.mp3", "Die Straße"]
    assert titles(find(library, "bachelorette", Kind.TRACKS)) == ["Bachelorette"]
    [hunter] = find(library, "elsewhere", Kind.TRACKS).tracks.tracks
    assert (hunter.title, hunter.path) == ("Hunter", "elsewhere/first.mp3")
    assert find(library, "homogenic/1", Kind.TRACKS).tracks.total == 0
    assert find(library, "", Kind.TRACKS).tracks.total == len(LIBRARY)


def test_long_text_is_cut(catalog: Catalog) -> None:
    scan(catalog, [song("x" * 200 + "/" + "y" * 200 + ".mp3", title="t" * 2000, album="a" * 2000)])
    found = find(catalog, "ttt")
    assert len(found.tracks.tracks[0].title) == 300
    assert unpack(Found, pack(found)) == found


def test_folding_forgets_case_accents_and_width() -> None:
    same = ("Jóga", "JÓGA", "jo\u0301ga", "ＪＯＧＡ", "joga")
    assert {fold(text) for text in same} == {"joga"}
    assert fold("Ærøskøbing Łódź ΟΔΥΣΣΕΥΣ") == "aeroskobing lodz οδυσσευσ"


@given(st.text())
def test_folding_twice_changes_nothing(name: str) -> None:
    assert fold(fold(name)) == fold(name)


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8")))
def test_every_text_is_found_by_its_words(title: str, path: str) -> None:
    whole = search_text(title, None, None, path)
    assert len(whole.split("\n")) == 4
    assert all(word in whole for word in words_of(title))
