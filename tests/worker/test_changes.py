"""What the watcher makes of changes, and which folders lie on other machines."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.changes import Changes, changed_folder, common_folder, filled_folder
from worker.network import mounts, network_mounts

NAMES = st.binary(min_size=1, max_size=8).filter(lambda n: b"/" not in n and n not in (b".", b".."))
FOLDERS = st.lists(NAMES, max_size=4).map(b"/".join)


def test_folder_is_due_once_it_is_quiet() -> None:
    changes = Changes(30)
    changes.add(b"A", now=0)
    changes.add(b"A", now=20)
    assert changes.take_quiet(now=49) is None
    assert changes.take_quiet(now=50) == b"A"
    assert changes.take_quiet(now=1000) is None


def test_busy_folder_holds_up_no_other() -> None:
    changes = Changes(30)
    changes.add(b"A/1", now=0)
    changes.add(b"A/2", now=5)
    changes.add(b"B", now=29)
    assert changes.take_quiet(now=35) == b"A"
    assert changes.take_quiet(now=59) == b"B"


def test_many_changes_need_little_memory() -> None:
    changes = Changes(30)
    tracemalloc.start()
    for number in range(100_000):
        changes.add(b"folder %d" % number, now=number / 1e6)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 4 << 20
    assert changes.take_quiet(now=60) == b""


@given(st.lists(FOLDERS, min_size=1, max_size=6))
def test_common_folder_holds_all(folders: list[bytes]) -> None:
    common = common_folder(folders)
    assert all(common == b"" or f == common or f.startswith(common + b"/") for f in folders)
    assert len(common) == min(map(len, folders)) or len(set(folders)) > 1


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        (b"/music", b""),
        (b"/music/x.flac", b""),
        (b"/music/A/B/x.FLAC", b"A/B"),
        (b"/music/A/caf\xe9.mp3", b"A"),
        (b"/music/A/gone", b"A"),  # it may have been a folder
        (b"/music/A/.needleignore", b"A"),
        (b"/music/A/.x.flac", None),
        (b"/music/A/.stversions/x.flac", None),
        (b"/music/@eaDir/A/x.flac", None),
        (b"/music/A/#recycle", None),
    ],
)
def test_change_is_placed_or_ignored(path: bytes, folder: bytes | None) -> None:
    assert changed_folder(b"/music", path) == folder


def test_only_audio_and_folders_count(tmp_path: Path) -> None:
    root = os.fsencode(tmp_path)
    (tmp_path / "A").mkdir()
    for name in ("cover.jpg", "x.flac.part", "x.opus"):
        (tmp_path / "A" / name).touch()
    os.mkfifo(tmp_path / "A" / "pipe")
    assert changed_folder(root, root + b"/A") == b""
    assert changed_folder(root, root + b"/A/x.opus") == b"A"
    for name in (b"cover.jpg", b"x.flac.part", b"pipe"):
        assert changed_folder(root, root + b"/A/" + name) is None


def test_folder_without_music_gives_way_to_the_one_above(tmp_path: Path) -> None:
    (tmp_path / "A" / "B" / "C").mkdir(parents=True)
    (tmp_path / "A" / "other").mkdir()
    (tmp_path / "A" / "other" / "1.mp3").touch()
    root = os.fsencode(tmp_path)
    for name in ("cover.jpg", "._1.mp3"):  # all that is left of an album
        (tmp_path / "A" / "B" / "C" / name).touch()
    for folder in (b"A/B/C/gone", b"A/B/C", b"A/B", b"A"):
        assert filled_folder(root, folder) == b"A"
    assert filled_folder(root, b"A/other") == b"A/other"
    assert filled_folder(root, b"x/y") == b""


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (b"/srv/Music", []),
        (b"/mnt/nas", [(b"/mnt/nas", "nfs4")]),
        (b"/mnt/nas/Music", [(b"/mnt/nas", "nfs4")]),
        (b"/mnt/nas/local/x", []),
        (b"/mnt/nasty", []),
        (b"/mnt", [(b"/mnt/nas", "nfs4"), (b"/mnt/ssh", "fuse.sshfs")]),
    ],
)
def test_network_folders_are_known(path: bytes, found: list[tuple[bytes, str]]) -> None:
    mounted = [(b"/", "ext4"), (b"/mnt/nas", "nfs4"), (b"/mnt/nas/local", "xfs"),
               (b"/mnt/ssh", "fuse.sshfs"), (b"/proc", "proc")]  # fmt: skip
    assert list(network_mounts(path, mounted)) == found


def test_mounts_of_this_machine_are_read() -> None:
    assert any(point == b"/" for point, _ in mounts())
