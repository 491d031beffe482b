"""Events: what is encoded is decoded; what is not ours is refused, whatever it is."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import typing
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.events import (
    Activity,
    EventError,
    Problem,
    Reason,
    RunningTask,
    Scan,
    ScanAt,
    ScanChanged,
    StageCount,
    WorkerBeat,
    WorkerGone,
    decode,
    dump,
    encode,
    load,
)

RECORDS = (
    Activity, Problem, Reason, RunningTask, Scan, ScanAt, ScanChanged, StageCount, WorkerBeat,
    WorkerGone,
)  # fmt: skip
EVENTS = (Activity, ScanAt, ScanChanged, WorkerBeat, WorkerGone)

finite = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e200, max_value=1e200)


whole = st.integers(-(2**63), 2**63 - 1)
text = st.text(max_size=8)
counts = st.dictionaries(text, whole, max_size=3)
#: Annotations whose own strategy would give values that JSON does not hold.
STRATEGIES = {str: text, float: finite, int: whole, Mapping[str, int]: counts}


def record(cls: type[Any]) -> st.SearchStrategy[Any]:
    return st.builds(cls, **{name: of(kind) for name, kind in typing.get_type_hints(cls).items()})


def of(kind: Any) -> st.SearchStrategy[Any]:
    if kind in STRATEGIES:
        return STRATEGIES[kind]
    if dataclasses.is_dataclass(kind):
        return record(typing.cast(type[Any], kind))
    if typing.get_origin(kind) is tuple:
        return st.lists(of(typing.get_args(kind)[0]), max_size=2).map(tuple)
    if kind == float | None:
        return st.none() | finite
    return st.from_type(kind)


def as_entry(fields: dict[str, str]) -> dict[bytes, bytes]:
    return {key.encode(): value.encode() for key, value in fields.items()}


@given(st.sampled_from(RECORDS).flatmap(record))
def test_record_survives_dump_and_load(value: Any) -> None:
    assert load(type(value), dump(value)) == value


@given(st.sampled_from(EVENTS).flatmap(record))
def test_event_survives_encode_and_decode(event: Any) -> None:
    assert decode(as_entry(encode(event))) == event


@given(st.sampled_from(EVENTS).flatmap(record))
def test_entry_is_plain_ascii(event: Any) -> None:
    assert all(text.isascii() for text in encode(event).values())


def test_unknown_fields_are_ignored() -> None:
    text = json.dumps({"worker": "a@b", "at": 1, "colour": "blue"})
    assert load(WorkerGone, text) == WorkerGone("a@b", 1.0)


def test_missing_fields_take_their_default() -> None:
    text = json.dumps({"key": "scan"})
    assert load(StageCount, text) == StageCount("scan")


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "[]", "1", "null", '{"worker": 1, "at": 1}', '{"worker": "a"}',
        '{"worker": "a", "at": NaN}', '{"worker": "a", "at": 1e999}', '{"worker": "a", "at": "1"}',
        '{"worker": "a", "at": ' + "9" * 400 + "}", '{"worker": "a", "at": true}',
        "[" * 100_000,
    ],
)  # fmt: skip
def test_damaged_record_is_refused(text: str) -> None:
    with pytest.raises(EventError):
        load(WorkerGone, text)


@given(st.dictionaries(st.sampled_from([b"type", b"v", b"data", b"x"]), st.binary()))
def test_any_entry_is_decoded_or_refused(fields: dict[bytes, bytes]) -> None:
    with contextlib.suppress(EventError):
        decode(fields)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(
    st.sampled_from(RECORDS),
    st.data(),
)
def test_any_json_is_loaded_or_refused(cls: type[Any], data: st.DataObject) -> None:
    names = [f.name for f in dataclasses.fields(cls)]
    value = data.draw(st.dictionaries(st.sampled_from(names), json_values))
    with contextlib.suppress(EventError):
        load(cls, json.dumps(value))


def test_state_of_another_vocabulary_is_refused() -> None:
    good = json.loads(dump(Scan("i", "r", "/m", "quick", "queued", 1.0)))  # type: ignore[arg-type]
    with pytest.raises(EventError, match="ScanState"):
        load(Scan, json.dumps(good | {"state": "exploded"}))


def test_event_of_another_version_is_refused() -> None:
    entry = as_entry(encode(WorkerGone("a", 1.0))) | {b"v": b"2"}
    with pytest.raises(EventError, match="version"):
        decode(entry)
