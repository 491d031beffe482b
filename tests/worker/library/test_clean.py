"""Text from tags, made clean."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.library.clean import (
    MAX_VALUES,
    MESSAGE_CHARS,
    TEXT_BYTES,
    clean_message,
    clean_text,
    clean_values,
)

anything = st.text(st.characters())  # surrogates, controls and all


@given(anything, st.integers(1, 50))
def test_clean_text_is_safe_to_store_and_show(text: str, max_bytes: int) -> None:
    cleaned, _ = clean_text(text, max_bytes)
    assert len(cleaned.encode("utf-8")) <= max_bytes
    assert not {unicodedata.category(c) for c in cleaned} & {"Cc", "Cs"}
    assert cleaned == cleaned.strip()
    assert unicodedata.is_normalized("NFC", cleaned)


@given(anything)
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    once, _ = clean_text(text)
    assert clean_text(once) == (once, False)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  Café ", "Café"),
        ("Cafe\u0301", "Café"),
        ("a\0b\x1b[31mc", "ab[31mc"),
        ("one\r\ntwo\tthree", "one two three"),
        ("\ud83d lone", "lone"),
        ("\u202eright to left stays", "\u202eright to left stays"),
        ("\x00\x01", ""),
    ],
)
def test_only_what_is_unsafe_is_taken_out(text: str, cleaned: str) -> None:
    assert clean_text(text) == (cleaned, False)


def test_long_text_is_cut_between_characters() -> None:
    assert clean_text("é" * TEXT_BYTES) == ("é" * (TEXT_BYTES // 2), True)
    assert clean_text("x" * 10_000_000)[0] == "x" * TEXT_BYTES


def test_blank_values_are_left_out_and_many_are_cut() -> None:
    assert clean_values(["a", " ", "\0", "b"]) == (["a", "b"], False)
    texts, was_cut = clean_values(str(n) for n in range(100_000))
    assert (len(texts), was_cut) == (MAX_VALUES, True)


def test_message_is_one_short_line_and_never_empty() -> None:
    assert clean_message(ValueError("line one\nline two\x1b")) == "line one line two"
    assert clean_message(IndexError()) == "IndexError"
    assert len(clean_message(ValueError("x" * 100_000))) == MESSAGE_CHARS
