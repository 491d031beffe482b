"""Folders for `needle up`."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A music folder that may be scanned."""
    folder = tmp_path / "Music with spaces"
    folder.mkdir()
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder that does not exist yet."""
    return tmp_path / "data"
