"""Secrets leave no trace in what is logged, and nothing else goes."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire import redaction
from wire.redaction import is_secret, redacted, redacted_copy, redacted_text

CANARY = "hunter2-canary"


@pytest.mark.parametrize(
    "text",
    [
        f"password={CANARY}",
        f"DB_PASSWORD: {CANARY}",
        f'{{"api_key": "{CANARY}", "n": 1}}',
        f"{{'access-token': '{CANARY} with space'}}",
        f"Authorization: Bearer {CANARY}",
        f"the header Bearer {CANARY} was refused",
        f"redis://user:{CANARY}@127.0.0.1:6379/0",
        f"redis://:{CANARY}@127.0.0.1/0",
        f"postgresql://name:pass@{CANARY}@host/db",
        f"https://{CANARY}@errors.example/1",
        f"https://example/?a=1&token={CANARY}&b=2",
        f"client_secret = {CANARY}",
    ],
)
def test_secrets_in_texts_are_hidden(text: str) -> None:
    assert CANARY not in redacted_text(text)
    assert CANARY not in redacted(Exception(text))


@pytest.mark.parametrize(
    "value", [{"password": CANARY}, [{"a": {"Api-Key": CANARY}}], {"token": [CANARY]}]
)
def test_secrets_in_arguments_are_hidden(value: object) -> None:
    assert CANARY not in redacted(value)
    assert CANARY not in str(redacted_copy(value))


@pytest.mark.parametrize("name", ["author", "authors", "album_artist", "passage", "key", "tokyo"])
def test_names_of_music_are_no_secrets(name: str) -> None:
    assert not is_secret(name)
    assert "Björk" in redacted({name: "Björk"})


_WORDS = st.sampled_from(
    ["password", "PASSPHRASE", "pwd", "ſecret", "toKen", "Api-Key", "licence_key", "sıgnature",
     "authorization", "Credentıal", "COOKİE", "dsn", "auth", "Bearer", "Baſic", "basıc",
     "://", "@", "=", ": ", " ", "'", '"', "abcdefgh12", "ß", "Jóga"],
)  # fmt: skip


@given(st.lists(_WORDS, max_size=12))
def test_a_text_is_passed_over_only_where_nothing_would_be_hidden(words: list[str]) -> None:
    text = "".join(words)
    whole = redaction._ADDRESS.sub(r"\1***@", text)
    whole = redaction._ASSIGNED.sub(r"\1***", whole)
    assert redacted_text(text) == redaction._BEARER.sub(r"\1\2***", whole)


def test_what_is_no_secret_stays() -> None:
    text = "cannot read redis://127.0.0.1:6379/0: Björk - Jóga @ home: no such file"
    assert redacted_text(text) == text


def test_large_values_are_cut() -> None:
    assert len(redacted(["x" * 10_000] * 1_000, 500)) == 500
    assert len(redacted({str(n): {"a": [n] * 99} for n in range(99)}, 500)) <= 500
    nested: list[object] = []
    for _ in range(10_000):
        nested = [nested]
    assert redacted(nested) == "[[[[[…]]]]]"


def test_a_repr_that_fails_is_survived() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    assert redacted([Broken()]) == "[<Broken>]"


@pytest.mark.parametrize(
    "text", ["a" * 20_000, "token" * 4_000, "://" * 7_000, "password=" * 2_000, "'" * 9_000]
)
def test_no_text_takes_long(text: str) -> None:
    began = time.perf_counter()
    redacted_text(text)
    assert time.perf_counter() - began < 20  # quadratic, these texts would take minutes


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_value_becomes_a_bounded_text(value: object) -> None:
    assert len(redacted(value, 300)) <= 300
