"""Scan ids: they sort and tell when they were made; other texts are no ids."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.names import is_scan_id, new_scan_id, scan_id_at


def test_id_tells_when_it_was_made() -> None:
    before = int(time.time())
    scan_id = new_scan_id()
    assert is_scan_id(scan_id)
    assert before <= scan_id_at(scan_id) <= time.time()


@pytest.mark.parametrize("text", ["", "x", "20261399T999999-abcdef", "20261121T010203-ABCDEF"])
def test_what_is_no_moment_is_long_ago(text: str) -> None:
    assert scan_id_at(text) == 0.0


@given(st.text())
def test_any_text_is_an_id_or_not(text: str) -> None:
    assert scan_id_at(text) == 0.0 or is_scan_id(text)
