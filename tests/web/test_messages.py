"""The reader of .po files."""

from __future__ import annotations

import gettext
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web import messages

PO = r"""
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=2; plural=(n > 1);\n"

#: _scan.html:3
msgid "Stop"
msgstr "Arrêter"

msgctxt "a noun"
msgid "Stop"
msgstr "Arrêt"

msgid "%(num)s file"
msgid_plural "%(num)s files"
msgstr[0] "%(num)s fichier"
msgstr[1] "%(num)s fichiers"

msgid ""
"long \"quoted\" "
"text\n"
msgstr "texte\tlong"

#, fuzzy
msgid "guess"
msgstr "à peu près"

msgid "untranslated"
msgstr ""

#~ msgid "obsolete"
#~ msgstr "obsolète"
"""


def translations(text: str) -> gettext.NullTranslations:
    return gettext.GNUTranslations(io.BytesIO(messages.to_mo(messages.parse(text))))


def test_messages_are_found() -> None:
    french = translations(PO)
    assert french.gettext("Stop") == "Arrêter"
    assert french.pgettext("a noun", "Stop") == "Arrêt"
    assert french.gettext('long "quoted" text\n') == "texte\tlong"


@pytest.mark.parametrize(("count", "form"), [(0, "fichier"), (1, "fichier"), (2, "fichiers")])
def test_plurals_follow_the_header(count: int, form: str) -> None:
    french = translations(PO)
    assert french.ngettext("%(num)s file", "%(num)s files", count) == f"%(num)s {form}"


@pytest.mark.parametrize("text", ["guess", "untranslated", "obsolete", "unknown"])
def test_what_is_not_translated_stays_english(text: str) -> None:
    assert translations(PO).gettext(text) == text


@pytest.mark.parametrize(
    "damage", ['msgid "a"\nmsgstr b', 'oops "a"', 'msgid "a', '"a"', 'msgid "a"\nmsgid "b"']
)
def test_damage_is_named(damage: str) -> None:
    with pytest.raises(messages.CatalogError):
        messages.parse(damage)


plain = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)


@given(st.dictionaries(plain, plain, max_size=20))
def test_any_text_survives(catalog: dict[str, str]) -> None:
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"'
    quoted = [[json.dumps(t, ensure_ascii=False) for t in pair] for pair in catalog.items()]
    entries = [f"msgid {key}\nmsgstr {value}" for key, value in quoted]
    found = translations("\n\n".join([header, *entries]))
    assert {key: found.gettext(key) for key in catalog} == catalog


def test_french_is_there_and_english_is_the_source(tmp_path: Path) -> None:
    assert messages.load("fr").gettext("Problems") == "Problèmes"
    assert messages.load("en").gettext("Problems") == "Problems"
    assert messages.load("fr", tmp_path).gettext("Problems") == "Problems"
