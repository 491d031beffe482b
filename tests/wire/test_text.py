"""Text made of paths: safe to show whatever the bytes, exact when sent."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from wire.text import display_path, escape_controls, path_from_wire, path_to_wire


@given(st.binary())
def test_path_survives_the_wire(path: bytes) -> None:
    text = path_to_wire(path)
    assert text.isascii()
    assert path_from_wire(text) == path


@given(st.binary() | st.text().map(lambda t: t.encode("utf-8", "surrogatepass")))
def test_shown_path_has_nothing_dangerous(path: bytes) -> None:
    shown = display_path(path)
    shown.encode("utf-8")
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert not set(shown) & set(
        "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"
    )


@given(st.text())
def test_escaping_twice_is_escaping_once(text: str) -> None:
    once = escape_controls(text)
    assert escape_controls(once) == once


def test_ordinary_names_are_shown_as_they_are() -> None:
    assert display_path("Björk/Homogenic/03 - Jóga.flac".encode()) == (
        "Björk/Homogenic/03 - Jóga.flac"
    )


def test_other_bytes_are_shown_as_escapes() -> None:
    assert display_path(b"caf\xe9\n\x1b[31m.mp3") == r"caf\xe9\x0a\x1b[31m.mp3"
