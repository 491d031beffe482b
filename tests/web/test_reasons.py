"""What workers say in English is read in the reader's language, and anything else as it is."""

from __future__ import annotations

import pytest

from web import format as figures
from web.messages import load
from web.reasons import LONGEST_CHARS, Reasons


@pytest.fixture
def french() -> Reasons:
    gettext = load("fr").gettext
    return Reasons(gettext, lambda value: figures.number(value, "fr"))


@pytest.fixture
def english() -> Reasons:
    return Reasons(load("en").gettext, lambda value: figures.number(value, "en"))


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("Stopped by page.", "Arrêtée par la page."),
        ("Stopped by Zoé before it began.", "Arrêtée par Zoé avant de commencer."),
        (
            "/mnt/a.b is empty. Is the disk mounted?",
            "/mnt/a.b est vide. Le disque est-il monté\u202f?",
        ),
        (
            "/m cannot be read: Permission denied.",
            "/m ne peut pas être lu\u00a0: Permission refusée.",
        ),
        (
            "4812 of 50000 known files are gone, as if a disk were not mounted: "
            "nothing was marked missing.",
            "4\u202f812 des 50\u202f000 fichiers connus ont disparu, comme si un disque n’était "
            "pas monté\u00a0: rien n’a été marqué comme absent.",
        ),
        (
            "Paused by quiet hours until 07:00.",
            "Heures calmes jusqu’à 07:00, puis elle reprend toute seule. "
            "«\u00a0Reprendre\u00a0» la relance maintenant.",
        ),
        ("It is read-only.", "Il est en lecture seule."),
    ],
)
def test_known_sentences_are_translated(french: Reasons, said: str, read: str) -> None:
    assert french.reason(said) == read


def test_names_and_figures_are_readable_in_english(english: Reasons) -> None:
    assert english.reason("Paused by terminal.") == "Paused by the terminal."
    assert english.reason("Paused by quiet hours until 07:00.").startswith(
        "It is quiet until 07:00"
    )
    assert english.reason(
        "The folder holds no music any more, but 4812 of its files are known: "
        "nothing was marked missing."
    ).startswith("The folder holds no music any more, but 4,812 of")


@pytest.mark.parametrize(
    "said",
    [
        "",
        "The catalog is full.",
        "%(path)s %s %d {} is odd",
        "x" * LONGEST_CHARS + " is empty. Is the disk mounted?",
        "is empty. Is the disk mounted? " * 600,
        " cannot be read: " * 1_100,
        "\ud800\x00 is neither",
    ],
)
def test_what_is_not_known_is_shown_as_it_is(french: Reasons, said: str) -> None:
    assert french.reason(said) == said


def test_fields_of_a_path_are_only_text(french: Reasons) -> None:
    said = "%(path)s%(error)s\\1 is empty. Is the disk mounted?"
    assert french.reason(said).startswith("%(path)s%(error)s\\1 est vide.")


def test_actors(french: Reasons) -> None:
    assert french.actor("schedule") == "le calendrier"
    assert french.actor("Zoé") == "Zoé"
