"""Every sentence of the page has its French, and French typography is kept."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,
)

from web.alerts import words
from web.connection import cause
from web.health import SENTENCES as HEALTH
from web.reasons import ACTORS, REWORDED, SENTENCES

WEB = Path(__file__).parents[2] / "web"
#: Rooms whose sentences with figures are told in both languages.
TELLING = (WEB.parent / "wire", WEB.parent / "cli")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%%|\{\}")


@pytest.fixture(scope="module")
def french() -> Catalog:
    with (WEB / "locale/fr/LC_MESSAGES/needle.po").open("rb") as file:
        return read_po(file)


#: The API and the guard answer programs, in English.
METHODS = [
    ("templates/**.html", "jinja2"),
    ("api.py", "ignore"),
    ("*_api.py", "ignore"),
    ("alerts/api.py", "ignore"),
    ("operations.py", "ignore"),
    ("guard.py", "ignore"),
    ("**.py", "python"),
]
#: Statuses whose phrase is the title of an error page, and why Redis may be away.
STATUSES = (401, 403, 404, 405, 409, 500, 503)
REDIS_ERRORS = (
    BusyLoadingError(),
    AuthenticationError(),
    ReadOnlyError(),
    OutOfMemoryError(),
    TimeoutError(),
    ConnectionError(),
    ResponseError(),
)


def sentences() -> set[str]:
    """The msgids in templates and code; of a plural its singular, of a refusal its message."""
    found = extract_from_dir(
        WEB,
        method_map=METHODS,
        keywords={"_": None, "ngettext": (1, 2), "RefusedError": (3,)},
    )
    python = [("**.py", "python")]
    told = [extract_from_dir(room, python, keywords={"Sentence": (1,)}) for room in TELLING]
    everything = itertools.chain(found, *told)
    texts = {text if isinstance(text, str) else text[0] for _, _, text, _, _ in everything}
    phrases = {HTTPStatus(status).phrase for status in STATUSES}
    phrases |= {*words.NAMES.values(), *words.HINTS.values(), *words.OTHERS}
    phrases |= set(HEALTH)
    reasons = {REWORDED.get(sentence, sentence) for sentence in SENTENCES} | set(ACTORS.values())
    return texts | phrases | reasons | {cause(error) for error in REDIS_ERRORS}


def translations(catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Pairs of an English form and its French one."""
    for message in catalog:
        if message.id:
            english = (message.id,) if isinstance(message.id, str) else message.id
            string = message.string or ""
            french = (string,) if isinstance(string, str) else string
            yield from zip(english, french, strict=True)


def test_every_sentence_is_translated(french: Catalog) -> None:
    missing = {text for text in sentences() if text not in french or not french[text].string}
    assert not missing


def test_no_translation_is_stale(french: Catalog) -> None:
    known = {m.id if isinstance(m.id, str) else m.id[0] for m in french if m.id}
    assert known <= sentences()


def test_no_translation_is_fuzzy(french: Catalog) -> None:
    assert not [message.id for message in french if message.id and message.fuzzy]


def test_translations_keep_their_placeholders(french: Catalog) -> None:
    for english, translated in translations(french):
        assert sorted(PLACEHOLDER.findall(english)) == sorted(PLACEHOLDER.findall(translated))


def test_french_signs_stand_after_unbreakable_spaces(french: Catalog) -> None:
    for _, translated in translations(french):
        assert not re.search(r"(?<![\u00a0\u202f])[:;?!]", translated), translated
        assert "'" not in translated, translated
