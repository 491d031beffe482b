"""Sentences with figures in one language, for pages, API and terminal."""

from __future__ import annotations

from collections.abc import Callable

from web import format as figures
from web.reasons import ACTORS
from wire.sentences import Figure, Sentence

Teller = Callable[[Sentence], str]


def teller(gettext: Callable[[str], str], language: str) -> Teller:
    """What puts a sentence into `language`, whose words `gettext` knows."""

    def written(name: str, value: Figure) -> str:
        if name == "who":
            return gettext(ACTORS.get(str(value), str(value)))
        return figure(name, value, language)

    return lambda sentence: sentence.told(gettext, written)


def figure(name: str, value: Figure, language: str) -> str:
    """A figure by the end of its name, see `wire.sentences.Sentence`."""
    if isinstance(value, str):
        return value
    if name.endswith("_bytes"):
        return figures.size(value, language)
    if name.endswith("_seconds"):
        return figures.seconds(value, language)
    if name.endswith("_share"):
        return figures.percent(value, 1.0, language)
    return figures.number(value, language)
