"""Sentences carry their figures through any translation."""

from __future__ import annotations

import pytest

from wire.sentences import Figure, Sentence, english


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("need", 54_813, "54,813"),
        ("task", "extract_metadata_batch", "extract_metadata_batch"),
        ("event_bytes", 999, "999 B"),
        ("event_bytes", 1_500, "1.5 kB"),
        ("event_bytes", 54_000, "54 kB"),
        ("event_bytes", 3_300_000, "3.3 MB"),
        ("event_bytes", 7.5e9, "7.5 GB"),
        ("cpu_seconds", 0.0, "0 ms"),
        ("cpu_seconds", 0.00018, "180 µs"),
        ("cpu_seconds", 0.0123, "12 ms"),
        ("cpu_seconds", 2.04, "2.0 s"),
        ("cut_share", 0.305, "30%"),
    ],
)
def test_figure_is_written_by_its_name(name: str, value: Figure, written: str) -> None:
    assert english(name, value) == written


def test_sentence_is_told_in_other_words() -> None:
    sentence = Sentence("%(cut)s of %(all)s were cut.", {"cut": 2, "all": 1500})
    assert sentence.told() == "2 of 1,500 were cut."
    french = {sentence.text: "%(cut)s sur %(all)s ont été coupées."}
    told = sentence.told(lambda text: french[text], lambda _, value: str(value))
    assert told == "2 sur 1500 ont été coupées."


def test_sentence_without_figures_keeps_its_signs() -> None:
    assert Sentence("100%% is all.").told() == "100% is all."
