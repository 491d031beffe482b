"""The rules of alerts about sizes; errors are those that the real encoders raise."""

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

from tests.wire.measured import fields_of, sizes_of
from wire.payloads import Finding, TaskSizes
from wire.size_alerts import (
    Rule,
    cut_began,
    explain,
    explain_json_error,
    grew,
    not_json,
    size_alerts,
    too_large,
)
from wire.size_report import day_of, make_report

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
    alert = not_json(TASK, error_of(encode, [["a.mp3", ...]]))
    assert alert is not None
    assert (alert.rule, alert.task) == (Rule.NOT_JSON, TASK)
    assert "cut for display was read back" in alert.meaning.told()


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
    assert not_json(TASK, error) is None


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


def test_cutting_that_began_is_told_once() -> None:
    alert = cut_began(TASK, cut_before=0, cut_now=2)
    assert alert is not None
    assert alert.told.told() == f"{TASK}: its shown arguments began to be cut, 2 today."
    assert cut_began(TASK, cut_before=1, cut_now=2) is None
    assert cut_began(TASK, cut_before=0, cut_now=0) is None


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [(1_024, 2_048, True), (1_024, 2_047, False), (1_023, 10**6, False), (5_000, 4_000, False)],
)
def test_growth_is_told_from_twice_on(before: int, now: int, told: bool) -> None:
    alert = grew(TASK, "kwargs", largest_before=before, largest_now=now)
    assert (alert is not None) is told
    assert alert is None or "from 1,024 to 2,048 characters" in alert.told.told()


def test_message_above_the_allowed_is_told() -> None:
    assert too_large(TASK, message_bytes=1_048_576) is None
    assert too_large(TASK, message_bytes=1_048_577) is not None
    alert = too_large(TASK, message_bytes=75_776, allowed_bytes=65_536)
    assert alert is not None
    assert alert.told.told() == f"{TASK}: a message of 76 kB, more than 66 kB."


TODAY = 1_795_000_000.0


def day(ago: int, args: int, **cuts: int) -> tuple[str, dict[str, TaskSizes]]:
    """What was measured on a day."""
    values = {"args": [args], "kwargs": [2]}
    return day_of(TODAY - ago * 86_400), sizes_of(fields_of(TASK, values, **cuts))


def rules(*days: tuple[str, dict[str, TaskSizes]], wire_bytes: int = 0) -> list[Rule]:
    measured = sizes_of(fields_of(TASK, {"args": [9], "wire_bytes": [wire_bytes]}))
    report = make_report(measured, None, at=TODAY, days=dict(days))
    return [alert.rule for alert in size_alerts(report)]


def test_today_is_compared_with_the_week_before() -> None:
    assert rules(day(0, 4_000, any=3), day(1, 2_000)) == [Rule.CUT_BEGAN, Rule.GREW]
    assert rules(day(0, 4_000, any=3), day(1, 2_001, any=1)) == []
    assert rules(day(0, 4_000), day(8, 2_000), *(day(n, 3_000) for n in range(1, 8))) == []


def test_first_and_idle_days_are_no_alert() -> None:
    assert rules(day(0, 4_000, any=3)) == []
    assert rules(day(1, 4_000, any=3), day(2, 9)) == []
    assert rules() == []


def test_large_messages_come_with_what_changed() -> None:
    assert rules(day(0, 4_000, any=3), day(1, 4_000), wire_bytes=2_000_000) == [
        Rule.CUT_BEGAN,
        Rule.TOO_LARGE,
    ]
