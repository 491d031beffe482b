"""A library small enough to be scanned a hundred times, and copies of it to harm."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cli.demo.library import make_library

FILES = 48


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo library; read only."""
    folder = tmp_path_factory.mktemp("faults") / "Music"
    make_library(folder, files=FILES)
    return folder


@pytest.fixture
def music(library: Path, tmp_path: Path) -> Path:
    """A copy of the library, to change."""
    return Path(shutil.copytree(library, tmp_path / "Music"))
