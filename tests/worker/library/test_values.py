"""Numbers, dates, gains and lists as they are written in real files."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.library import values


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("3", (3, None)),
        ("03/12", (3, 12)),
        (" 3 / 12 ", (3, 12)),
        ("(3, 12)", (3, 12)),
        ("3 of 12", (3, 12)),
        ("A3", (3, None)),
        ("0/12", (None, 12)),
        ("3/0", (3, None)),
        ("3/", (3, None)),
        ("/12", (None, 12)),
        ("-3", (None, None)),
        ("90000/99999", (90_000, 99_999)),
        ("20010203", (None, None)),
        ("1" * 5000, (None, None)),
        ("garbage", (None, None)),
        ("", (None, None)),
    ],
)
def test_number_and_total(text: str, pair: tuple[int | None, int | None]) -> None:
    assert values.number_pair(text) == pair


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("1999", "1999"),
        ("1999-04", "1999-04"),
        ("1999-04-05", "1999-04-05"),
        ("1999/4/5", "1999-04-05"),
        ("1999.04.05", "1999-04-05"),
        ("19990405", "1999-04-05"),
        ("1999-04-05T12:30:00Z", "1999-04-05"),
        ("2000-02-29", "2000-02-29"),
        ("1999-02-29", "1999-02"),
        ("9999-99-99", "9999"),
        ("1999-00-00", "1999"),
        ("Oct 9, 1999", "1999"),
        ("31.12.1999", "1999"),
        ("0000", None),
        ("0005", None),
        ("199", None),
        ("someday", None),
        ("", None),
    ],
)
def test_dates(text: str, date: str | None) -> None:
    assert values.date(text) == date


@given(st.text())
def test_date_of_anything_is_a_date_or_none(text: str) -> None:
    date = values.date(text)
    assert date is None or re.fullmatch(r"\d{4}(-[01]\d(-[0-3]\d)?)?", date, re.ASCII)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("-7.03 dB", -7.03),
        ("+1,5 dB", 1.5),
        (" 0.988", 0.988),
        (".5", 0.5),
        ("9.8e-1", 0.98),
        ("101", None),
        ("nan", None),
        ("inf dB", None),
        ("1e99", None),
        ("loud", None),
    ],
)
def test_decimals_within_bounds(text: str, number: float | None) -> None:
    assert values.decimal(text, -100, 100) == number


def test_r128_gain_is_raised_to_the_level_of_replaygain() -> None:
    assert values.r128_gain_db("-2560") == -10.0 + 5.0
    assert values.r128_gain_db("99999") is None


@pytest.mark.parametrize(
    ("texts", "genres"),
    [
        (["Rock"], ["Rock"]),
        (["Rock; Pop/Folk, Jazz"], ["Rock", "Pop", "Folk", "Jazz"]),
        (["(17)"], ["Rock"]),
        (["17"], ["Rock"]),
        (["(4)Eurodisco"], ["Disco", "Eurodisco"]),
        (["(17)(18)"], ["Rock", "Techno"]),
        (["80s", "2 Tone"], ["80s", "2 Tone"]),
        (["Rock", "Rock", " "], ["Rock"]),
    ],
)
def test_genres(texts: list[str], genres: list[str]) -> None:
    assert values.genres(tuple(texts)) == tuple(genres)


def test_joined_names_are_split_but_ac_dc_is_not() -> None:
    assert values.split_names(["AC/DC"]) == ["AC/DC"]
    assert values.split_names(["Ann / Bob; Cleo"]) == ["Ann", "Bob", "Cleo"]
    assert values.split_names(["A; ", "B"]) == ["A", "B"]


def test_musicbrainz_ids_are_found_in_any_list() -> None:
    one = "f1e2d3c4-0000-4000-8000-000000000001"
    two = "A1E2D3C4-0000-4000-8000-000000000002"
    assert values.musicbrainz_ids([f"{one}/{two}"]) == [one, two.lower()]
    assert values.musicbrainz_ids([f"{one}; {two}", one]) == [one, two.lower(), one]


@pytest.mark.parametrize(
    "text",
    ["", "0", "none", "00000000-0000-0000-0000-000000000000", "x" * 65, "<script>alert(1)"],
)
def test_what_is_no_id_is_left_out(text: str) -> None:
    assert values.musicbrainz_ids([text]) == []
