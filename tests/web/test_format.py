"""Figures, as people write them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web import format as figures
from web.settings import LANGUAGES

PARIS = ZoneInfo("Europe/Paris")
NOON = 1_795_258_800.0  # 2026-11-21 12:00 in Paris

anything = st.none() | st.integers() | st.floats()
languages = st.sampled_from(LANGUAGES)


def plain(text: str) -> str:
    """`text` with ordinary spaces."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


@pytest.mark.parametrize(
    ("text", "english", "french"),
    [
        (lambda lang: figures.number(12018, lang), "12,018", "12 018"),
        (lambda lang: figures.number(-3, lang), "-3", "-3"),
        (lambda lang: figures.number(1234.56, lang, 1), "1,234.6", "1 234,6"),
        (lambda lang: figures.number(None, lang), "–", "–"),
        (lambda lang: figures.rate(6.234, lang), "6.2", "6,2"),
        (lambda lang: figures.rate(0.0, lang), "0", "0"),
        (lambda lang: figures.rate(9.99, lang), "10", "10"),
        (lambda lang: figures.rate(1234.5, lang), "1,234", "1 234"),
        (lambda lang: figures.size(0, lang), "0 B", "0 o"),
        (lambda lang: figures.size(999, lang), "999 B", "999 o"),
        (lambda lang: figures.size(1234, lang), "1.2 kB", "1,2 ko"),
        (lambda lang: figures.size(999_700, lang), "1.0 MB", "1,0 Mo"),
        (lambda lang: figures.size(123_400_000_000, lang), "123 GB", "123 Go"),
        (lambda lang: figures.duration(0.4, lang), "0 s", "0 s"),
        (lambda lang: figures.duration(59.9, lang), "59 s", "59 s"),
        (lambda lang: figures.duration(60, lang), "1 min", "1 min"),
        (lambda lang: figures.duration(200, lang), "3 min 20 s", "3 min 20 s"),
        (lambda lang: figures.duration(6000, lang), "1 h 40", "1 h 40"),
        (lambda lang: figures.duration(187_200, lang), "2 d 4 h", "2 j 4 h"),
        (lambda lang: figures.duration(-5, lang), "0 s", "0 s"),
        (lambda lang: figures.ago(3, lang), "3 s ago", "il y a 3 s"),
        (lambda lang: figures.ago(-60, lang), "just now", "à l’instant"),
        (lambda lang: figures.percent(12_018, 50_000, lang), "24%", "24 %"),
        (lambda lang: figures.percent(49_999, 50_000, lang), "99%", "99 %"),
        (lambda lang: figures.percent(7, 5, lang), "100%", "100 %"),
        (lambda lang: figures.percent(7, 1_000, lang), "<1%", "<1 %"),
        (lambda lang: figures.percent(0, 5, lang), "0%", "0 %"),
        (lambda lang: figures.percent(0, 0, lang), "–", "–"),
        (lambda lang: figures.clock(NOON, lang, PARIS, NOON), "12:00", "12:00"),
        (lambda lang: figures.clock(NOON - 86_400, lang, PARIS, NOON), "20 Nov 12:00",
         "20 nov. 12:00"),
        (lambda lang: figures.clock(NOON, lang, PARIS, NOON + 1e8), "21 Nov 2026 12:00",
         "21 nov. 2026 12:00"),
        (lambda lang: figures.clock(None, lang, PARIS, NOON), "–", "–"),
    ],
)  # fmt: skip
def test_examples(text: Callable[[str], str], english: str, french: str) -> None:
    assert plain(text("en")) == english
    assert plain(text("fr")) == french


@given(anything, anything, languages)
def test_nothing_makes_a_figure_fail(value: float | None, other: float | None, lang: str) -> None:
    texts = [
        figures.number(value, lang),
        figures.rate(value, lang),
        figures.size(value, lang),
        figures.duration(value, lang),
        figures.ago(value, lang),
        figures.percent(value, other, lang),
        figures.clock(value, lang, PARIS, NOON),
    ]
    assert all(0 < len(text) < 60 and "\n" not in text for text in texts)


@given(st.floats(0, 1e9), languages)
def test_durations_are_cut_never_raised(seconds: float, lang: str) -> None:
    text = plain(figures.duration(seconds, lang))
    units = {"d": 86_400, "j": 86_400, "h": 3600, "min": 60, "s": 1}
    digits = re.sub(r"(?<=\d)[ ,](?=\d{3}\b)", "", text)
    parts = re.findall(r"(\d+) (d|j|h|min|s)", digits)
    shown = sum(int(number) * units[unit] for number, unit in parts)
    trailing = re.search(r"h (\d\d)$", digits)
    shown += int(trailing[1]) * 60 if trailing else 0
    step = 3600 if seconds >= 86_400 else 60 if seconds >= 3600 else 1
    assert shown <= seconds < shown + step


@given(st.integers(0, 10**15), languages)
def test_numbers_keep_their_digits(value: int, lang: str) -> None:
    assert int(re.sub(r"\D", "", figures.number(value, lang))) == value


@given(st.floats(0, 1e14), languages)
def test_sizes_are_right_to_one_tenth(count: float, lang: str) -> None:
    figure, unit = plain(figures.size(count, lang)).replace(",", ".").split(" ")
    steps = ["B", "kB", "MB", "GB", "TB"] if lang == "en" else ["o", "ko", "Mo", "Go", "To"]
    assert math.isclose(float(figure) * 1000 ** steps.index(unit), count, rel_tol=0.06, abs_tol=0.5)
