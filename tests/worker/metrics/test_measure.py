"""Sizes are those of the standard library's JSON and of Celery's own repr, whatever the value."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from celery.utils.saferepr import saferepr
from hypothesis import given
from hypothesis import strategies as st

from worker.metrics.cuts import was_cut, was_cut_by_depth
from worker.metrics.measure import measure, measure_json_size, repr_chars, written_chars
from worker.metrics.running import SHOWN_CHARS, described, told

#: Floats that both writers spell alike: the standard library writes 1e-07, orjson 1e-7.
numbers = st.integers() | st.floats(1e-3, 1e12) | st.booleans() | st.none()
texts = st.text(st.characters(exclude_categories=[]), max_size=40)
plain = st.recursive(
    numbers | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=25,
)


def as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@given(plain)
def test_size_is_that_of_compact_json(value: Any) -> None:
    size, text = measure(value), as_json(value)
    assert (size.chars, size.utf8_bytes) == (len(text), len(text.encode("utf-8", "surrogatepass")))
    assert measure_json_size(value) == len(text)
    assert size.strange == ()


@given(st.lists(plain | st.binary(max_size=9), max_size=4), st.integers(1, 4))
def test_repr_is_as_long_as_celery_writes_it(value: list[Any], levels: int) -> None:
    for shown in (value, tuple(value), {"key": value}):
        assert repr_chars(shown, levels) == len(saferepr(shown, None, maxlevels=levels))


@given(st.lists(texts | numbers | st.lists(texts, max_size=4), max_size=8), st.integers(8, 80))
def test_a_cut_is_seen_exactly(value: list[Any], limit: int) -> None:
    args = tuple(value)
    text, whole = saferepr(args, limit), saferepr(args, None)
    if len(whole) <= limit:
        assert not was_cut(text, limit, args, 3)
    elif len(whole) > limit + 20:  # the last token may be longer than what is left
        assert was_cut(text, limit, args, 3) == (text != whole)


def test_depth_is_no_cut_by_size() -> None:
    args = ([[[["deep"]]]],)
    text = saferepr(args, 1024)
    assert not was_cut(text, 1024, args, 3)
    assert was_cut_by_depth(text)
    assert not was_cut_by_depth(saferepr(("wait ...",), 1024))


@pytest.mark.parametrize(
    ("value", "kind", "path"),
    [
        ([b"\xff"], "bytes", "args[0]"),
        ([1, ...], "ellipsis", "args[1]"),
        ([{"a": {"b": {1, 2}}}], "set", "args[0]['a']['b']"),
        ([object], "type", "args[0]"),
        ([{(1, 2): "x"}], "tuple", "args[0]: a key"),
    ],
)
def test_what_json_cannot_hold_is_named_and_never_nothing(
    value: list[Any], kind: str, path: str
) -> None:
    size = measure(value, "args")
    assert [(strange.type, strange.path) for strange in size.strange] == [(kind, path)]
    assert size.chars > 4
    assert measure_json_size(value) == size.chars


def test_a_hostile_value_is_measured() -> None:
    class Bad:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    circle: list[Any] = []
    circle.append(circle)
    assert measure([Bad()]).strange[0].type == "Bad"
    assert measure(circle).chars > 2
    assert measure({1: float("inf")}).chars == len('{"1":Infinity}')
    assert repr_chars([Bad()], 3) > 2


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"user": "a", "password": "hunter2"}, "{'user': 'a', 'password': ***}"),
        (["redis://:hunter2@host/0"], "['redis://***@host/0']"),
        ((b"abc",), "(<3 bytes>,)"),
        (["a\nb\u202e"], "['a\\nb\\u202e']"),
    ],
)
def test_secrets_and_controls_are_not_told(value: Any, shown: str) -> None:
    assert told(value) == shown


def test_what_is_told_is_short() -> None:
    assert len(told(["x" * 100] * 1000)) == SHOWN_CHARS
    assert "hunter2" not in described(ValueError("password=hunter2\n"))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.tuples(inner, inner)
            | st.dictionaries(st.text() | st.integers() | st.none(), inner)
        ),
    )
)
def test_headers_are_as_long_as_they_are_written(value: object) -> None:
    assert written_chars(value) == len(json.dumps(value))


@pytest.mark.parametrize("value", [1e16, 1e-5, 1e22, 2**64, -0.0, "\x7f", "\ud800", True])
def test_odd_numbers_and_letters_are_as_long_as_they_are_written(value: object) -> None:
    assert written_chars([value, {"a": value}]) == len(json.dumps([value, {"a": value}]))


@pytest.mark.parametrize("value", [uuid.UUID(int=1), datetime.now(UTC), Decimal(1), {1, 2}])
def test_what_json_cannot_write_has_no_length(value: object) -> None:
    with pytest.raises(TypeError):
        written_chars({"header": value})
