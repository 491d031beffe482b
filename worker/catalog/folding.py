"""Text as it is searched for: without case, accents, width and composition.

What a search compares with is stored folded (`search_texts`), because folding 200,000 tracks at
each search would take seconds.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

#: Words of a search that are looked at.
WORDS_MAX = 8

#: Letters that do not come apart from their accents.
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ı": "i", "ς": "σ"}
)
#: Accents of Latin, Greek and Cyrillic, once they stand apart from their letters.
_without_marks = re.compile("[\u0300-\u036f]+").sub
_without_control = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]").sub


def fold(text: str) -> str:
    """`text` without what people write differently: `Jóga` and `ＪＯＧＡ` are `joga`."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text)
    return _without_marks("", apart).lower().translate(_LETTERS)


_fold_repeated = lru_cache(maxsize=4096)(fold)


def search_text(title: str | None, artist: str | None, album: str | None, path: str) -> str:
    """What a file is found by, one line each: title (else file name), artist, album, path."""
    folder, _, name = path.rpartition("/")
    lines = (
        fold(title or name),
        _fold_repeated(artist or ""),
        _fold_repeated(album or ""),
        f"{_fold_repeated(folder)}/{fold(name)}",
    )
    return "\n".join(line.replace("\n", " ") for line in lines)


def words_of(text: str) -> list[str]:
    """The folded words of a search, without what no catalog can hold."""
    return fold(_without_control(" ", text)).split()[:WORDS_MAX]
