"""What the text of a tag means: numbers, dates, gains, lists.  Garbage is None, never a guess
beyond what is written."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from mutagen.id3 import TCON

_PAIR = re.compile(r"[\s(\[]*(?:[A-Za-z]?(\d{1,9})(?![\d.])\s*)?(?:(?:[/,\\|]|of)\s*(\d{1,9}))?")
_DATE = re.compile(r"\s*(\d{4})(?:[-/.]?(\d\d?)(?:[-/.]?(\d\d?))?)?(?!\d)")
_YEAR = re.compile(r"(?<!\d)([12]\d{3}|9999)(?!\d)", re.ASCII)
_DECIMAL = re.compile(
    r"\s*([+-]?(?:\d{1,6}(?:[.,]\d{0,40})?|[.,]\d{1,40}))(?:[eE]([+-]?\d{1,4}))?(?![\d.,])"
)
_GENRE_NUMBERS = re.compile(r"(?:\((?:\d{1,3}|RX|CR)\))+|\d{1,3}")
_read_genres: Callable[..., Any] = TCON
_MB_ID = re.compile(r"(?<![^\s;,/])(?![0-]+(?:[\s;,/]|$))[0-9A-Za-z-]{8,64}(?![^\s;,/])")

_BETWEEN_GENRES = re.compile(r"[;/,]")
_BETWEEN_NAMES = re.compile(r";| / ")

MAX_NUMBER = 999_999
#: Texts of which the genres are remembered.
FEW_TEXTS = 8
#: Q7.8 gains of Opus are relative to -23 LUFS, ReplayGain's to -18 LUFS.
R128_TO_REPLAYGAIN_DB = 5.0


@lru_cache(maxsize=1024)
def number_pair(text: str) -> tuple[int | None, int | None]:
    """Number and total: `3`, `3/12`, `03 of 12`, `(3, 12)`, `/12`, `A3`.  0 and garbage: None."""
    match = _PAIR.match(text)
    return (_bounded(match[1]), _bounded(match[2])) if match else (None, None)


def _bounded(digits: str | None) -> int | None:
    return value if 1 <= (value := int(digits or "0")) <= MAX_NUMBER else None


@lru_cache(maxsize=1024)
def date(text: str) -> str | None:
    """YYYY, YYYY-MM or YYYY-MM-DD: as much of a date as is written and exists."""
    match = _DATE.match(text)
    if match is None:
        year_alone = _YEAR.search(text)
        return year_alone[1] if year_alone else None
    year, month, day = (int(part or 0) for part in match.groups())
    if year < 1000:
        return None
    if not 1 <= month <= 12:
        return f"{year}"
    if not 1 <= day <= calendar.monthrange(year, month)[1]:
        return f"{year}-{month:02d}"
    return f"{year}-{month:02d}-{day:02d}"


def decimal(text: str, low: float, high: float) -> float | None:
    """The number that `text` begins with (`-7.03 dB`, `0,98`), if in `low … high`."""
    match = _DECIMAL.match(text)
    if match is None:
        return None
    value = float(match[1].replace(",", ".") + (f"e{match[2]}" if match[2] else ""))
    return value if low <= value <= high else None


def r128_gain_db(text: str) -> float | None:
    """The ReplayGain of an R128_*_GAIN of Opus: a whole number, 1/256 dB each."""
    value = decimal(text, -32768, 32767)
    return None if value is None else value / 256 + R128_TO_REPLAYGAIN_DB


def is_true(text: str) -> bool:
    """Whether a flag such as COMPILATION is set."""
    return text.strip().lower() in ("1", "true", "yes")


def genres(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The genres in `texts`: split at `;` `/` `,`, numbers of ID3 by name, each once."""
    return _few_genres(texts) if len(texts) <= FEW_TEXTS else _genres(texts)


def _genres(texts: tuple[str, ...]) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for text in texts:
        for part in _BETWEEN_GENRES.split(text):
            word = part.strip()
            if _GENRE_NUMBERS.match(word):
                # mutagen knows the list, and how numbers, RX, CR and a name may be mixed.
                names.update(dict.fromkeys(_read_genres(encoding=3, text=[word]).genres))
            elif word:
                names[word] = None
    return tuple(names)


_few_genres = lru_cache(maxsize=1024)(_genres)


def split_names(texts: list[str]) -> list[str]:
    """Names that ID3v2.3 had to put in one text: split at `;` and ` / `, so AC/DC stays whole."""
    if not any(";" in text or " / " in text for text in texts):
        return texts
    parts = [part.strip() for text in texts for part in _BETWEEN_NAMES.split(text)]
    return [part for part in parts if part]


def musicbrainz_ids(texts: list[str]) -> list[str]:
    """The ids in `texts`, in lower case; what cannot be an id is left out."""
    return [word.lower() for text in texts for word in _MB_ID.findall(text)]
