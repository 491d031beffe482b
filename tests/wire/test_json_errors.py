"""What errors about JSON mean; the errors are those that the real encoders raise."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu.exceptions import EncodeError
from kombu.serialization import dumps as kombu_dumps

from wire.json_errors import explain, explain_json_error
from wire.payloads import Finding

TASK = "metadata.extract_batch"


def error_of(encode: Any, value: object) -> str:
    with pytest.raises((TypeError, ValueError, EncodeError)) as caught:
        encode(value)
    return str(caught.value)


def kombu(value: object) -> object:
    return kombu_dumps(value, serializer="json")


def strict(value: object) -> str:
    return json.dumps(value, allow_nan=False)


def circle() -> list[object]:
    """A list that holds itself."""
    inside: list[object] = []
    inside.append(inside)
    return inside


@pytest.mark.parametrize("encode", [json.dumps, orjson.dumps, kombu])
def test_ellipsis_is_a_cut_text_that_was_read_back(encode: Any) -> None:
    meaning = explain_json_error(error_of(encode, [["a.mp3", ...]]))
    assert meaning is not None
    assert "cut for display was read back" in meaning.told()


@pytest.mark.parametrize(
    ("encode", "value", "words"),
    [
        (json.dumps, [b"cover"], "hold bytes"),
        (orjson.dumps, [bytearray(b"cover")], "hold bytes"),
        (json.dumps, [{1, 2}], "an object of type set"),
        (orjson.dumps, [PurePosixPath("/music")], "of type PurePosixPath"),
        (kombu, [object()], "an object of type object"),
        (json.dumps, {(1, 2): 3}, "a key of type tuple"),
        (orjson.dumps, {(1, 2): 3}, "a key that is no text"),
        (json.dumps, circle(), "holds itself"),
        (orjson.dumps, circle(), "holds itself"),
        (strict, float("nan"), "is no number"),
        (orjson.dumps, 2**70, "too long"),
    ],
)
def test_family_of_json_errors_is_explained(encode: Any, value: object, words: str) -> None:
    meaning = explain_json_error(error_of(encode, value))
    assert meaning is not None
    assert words in meaning.told()


@pytest.mark.parametrize(
    "error", ["", "division by zero", "Object of type Track was not found", "x" * 100_000]
)
def test_other_errors_are_of_another_family(error: str) -> None:
    assert explain_json_error(error) is None


@given(st.text(max_size=300))
def test_no_error_text_confuses_it(text: str) -> None:
    meaning = explain_json_error(f"Object of type {text} is not JSON serializable")
    assert meaning is None or meaning.told()


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        (Finding(TASK, "ellipsis", "ellipsis", "args[0][-1]"), "was read back as data"),
        (Finding(TASK, "not_json", "bytes", "args[0]['cover']"), "hold bytes"),
        (Finding(TASK, "not_json", "set"), "an object of type set"),
        (Finding(TASK, "refused", message="Object of type Track is not JSON serializable"),
         "an object of type Track"),
        (Finding(TASK, "refused", "Track", message="no idea"), "an object of type Track"),
        (Finding(TASK, "nested"), "task_repr_maxlevels"),
    ],
)  # fmt: skip
def test_finding_is_explained(finding: Finding, words: str) -> None:
    assert words in explain(finding).told()
