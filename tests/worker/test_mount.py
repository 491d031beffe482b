"""Doubts about a music folder, with a real file system to mount and unmount."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from worker.mount import doubt, identity, is_mounted


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with a file system of its own, which holds one file.  Mounting needs root."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "needle", folder], check=True)
    (folder / "song.flac").touch()
    yield folder
    subprocess.run(["umount", folder], check=False, stderr=subprocess.DEVNULL)


def test_unmounted_disk_is_doubted(disk: Path) -> None:
    root = bytes(disk)
    before = identity(root)
    assert is_mounted(root)
    assert doubt(root, b"", was_mounted=True) is None
    subprocess.run(["umount", disk], check=True)
    (disk / "leftover.flac").touch()
    found = doubt(root, b"", was_mounted=True)
    assert found is not None
    assert found.overridable
    assert "no longer on a disk of its own" in found.reason
    assert identity(root) != before
    assert doubt(root, b"", was_mounted=False) is None


def test_empty_folder_is_doubted(tmp_path: Path) -> None:
    found = doubt(bytes(tmp_path), b"", was_mounted=False)
    assert found is not None
    assert found.overridable
    assert "empty" in found.reason


def test_folder_that_is_gone_cannot_be_scanned(tmp_path: Path) -> None:
    found = doubt(bytes(tmp_path / "none"), b"", was_mounted=False)
    assert found is not None
    assert not found.overridable
    assert identity(bytes(tmp_path / "none")) is None


@pytest.mark.parametrize("part", [b"..", b"out", b"../other"])
def test_part_outside_of_the_root_is_refused(tmp_path: Path, part: bytes) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "out").symlink_to("/etc")
    found = doubt(bytes(tmp_path / "root"), part, was_mounted=False)
    assert found is not None
    assert not found.overridable


def test_single_file_may_be_scanned(tmp_path: Path) -> None:
    (tmp_path / "song.flac").touch()
    assert doubt(bytes(tmp_path), b"song.flac", was_mounted=False) is None
