"""A music folder made once, copied for each test that harms a scan of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.demo.library import make_library
from tests.integration.stack import Stack, stack

FILES = 120


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo library; read only."""
    folder = tmp_path_factory.mktemp("library") / "Music"
    make_library(folder, files=FILES)
    return folder


@pytest.fixture
def music(library: Path, tmp_path: Path) -> Path:
    """A copy of the library, to change."""
    return Path(shutil.copytree(library, tmp_path / "Music"))


@pytest.fixture
def running(tmp_path: Path, music: Path) -> Iterator[Stack]:
    """A running stack over the copy."""
    with stack(tmp_path, music) as parts:
        yield parts
