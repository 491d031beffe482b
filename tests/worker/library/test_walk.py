"""Walking real trees: what is found, what is left out, and what does not stop it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.worker.library.privileges import without_privileges
from worker.library.model import Folder, FolderError
from worker.library.walk import walk


def put(path: Path, data: bytes = b"music") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def files_below(root: Path, folder: bytes = b"") -> list[bytes]:
    return [
        file.path
        for entry in walk(os.fsencode(root), folder)
        if isinstance(entry, Folder)
        for file in entry.files
    ]


def errors_below(root: Path, folder: bytes = b"") -> list[FolderError]:
    return [e for e in walk(os.fsencode(root), folder) if isinstance(e, FolderError)]


def folders_below(root: Path) -> dict[bytes, Folder]:
    return {e.path: e for e in walk(os.fsencode(root)) if isinstance(e, Folder)}


def test_audio_files_are_found_in_name_order(tmp_path: Path) -> None:
    for name in ("b/2.flac", "b/1.MP3", "a/x.Opus", "top.m4a", "b/cover.jpg", "b/notes.txt"):
        put(tmp_path / name)
    assert files_below(tmp_path) == [b"top.m4a", b"a/x.Opus", b"b/1.MP3", b"b/2.flac"]
    folders = folders_below(tmp_path)
    assert list(folders) == [b"", b"a", b"b"]
    assert folders[b"b"].other_files == 2


def test_signature_is_size_and_both_times(tmp_path: Path) -> None:
    status = put(tmp_path / "a.mp3", b"12345").stat()
    signature = folders_below(tmp_path)[b""].files[0].signature
    assert (signature.size, signature.mtime_ns) == (5, status.st_mtime_ns)
    assert signature.ctime_ns == status.st_ctime_ns


def test_digest_changes_with_names_and_signatures_only(tmp_path: Path) -> None:
    track = put(tmp_path / "a.mp3")
    before = folders_below(tmp_path)[b""].digest
    put(tmp_path / "cover.jpg")
    assert folders_below(tmp_path)[b""].digest == before
    os.utime(track, ns=(1, 1))
    touched = folders_below(tmp_path)[b""].digest
    assert touched != before
    track.rename(tmp_path / "b.mp3")
    assert folders_below(tmp_path)[b""].digest not in (before, touched)
    assert len(before) == 16


def test_only_the_folder_asked_for_is_walked(tmp_path: Path) -> None:
    put(tmp_path / "a/1.mp3")
    put(tmp_path / "b/c/2.mp3")
    assert files_below(tmp_path, b"b") == [b"b/c/2.mp3"]


@pytest.mark.parametrize("start", [b"..", b"a/../..", b"out"])
def test_start_outside_of_the_root_is_refused(tmp_path: Path, start: bytes) -> None:
    put(tmp_path / "outside/secret.mp3")
    put(tmp_path / "root/a/1.mp3")
    (tmp_path / "root/out").symlink_to(tmp_path / "outside")
    assert files_below(tmp_path / "root", start) == []
    assert errors_below(tmp_path / "root", start)[0].error_class == "OutsideRoot"


def test_missing_root_is_one_error(tmp_path: Path) -> None:
    (error,) = walk(os.fsencode(tmp_path / "gone"))
    assert isinstance(error, FolderError)
    assert error.error_class == "FileNotFoundError"
    assert error.message == "No such file or directory"


def test_hidden_and_system_folders_are_skipped(tmp_path: Path) -> None:
    for folder in ("@eaDir", "#recycle", ".snapshot", "$RECYCLE.BIN", "lost+found", ".Trash-1000"):
        put(tmp_path / folder / "a.mp3")
    put(tmp_path / "System Volume Information/a.mp3")
    put(tmp_path / "._a.mp3")
    put(tmp_path / ".hidden.mp3")
    put(tmp_path / "#recycle.mp3")
    assert files_below(tmp_path) == [b"#recycle.mp3"]


def test_names_of_any_bytes_are_found(tmp_path: Path) -> None:
    names = [b"\xff\xfe.mp3", b"new\nline.mp3", b"\x1b[31m.mp3", b"e\xcc\x81.mp3", b"\xc3\xa9.mp3"]
    for name in names:
        with open(os.fsencode(tmp_path) + b"/" + name, "wb"):
            pass
    assert files_below(tmp_path) == sorted(names)


def test_fifos_sockets_and_dangling_links_are_no_audio(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp3")
    (tmp_path / "nowhere.mp3").symlink_to("gone.mp3")
    (tmp_path / "circle.mp3").symlink_to("circle.mp3")
    (tmp_path / "tty.mp3").symlink_to("/dev/null")
    (tmp_path / "folder.mp3").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.mp3"))
        assert files_below(tmp_path) == []
        assert errors_below(tmp_path) == []


def test_loops_of_links_end(tmp_path: Path) -> None:
    put(tmp_path / "a/1.mp3")
    (tmp_path / "a/self").symlink_to(".")
    (tmp_path / "a/up").symlink_to("..")
    (tmp_path / "twin").symlink_to("a")
    assert files_below(tmp_path) == [b"a/1.mp3"]


def test_link_to_a_file_of_the_library_is_no_second_file(tmp_path: Path) -> None:
    put(tmp_path / "album/1.mp3")
    (tmp_path / "best of").mkdir()
    (tmp_path / "best of/1.mp3").symlink_to("../album/1.mp3")
    assert files_below(tmp_path) == [b"album/1.mp3"]
    assert folders_below(tmp_path)[b"best of"].other_files == 1


def test_link_is_the_name_of_what_has_no_other(tmp_path: Path) -> None:
    put(tmp_path / ".annex/objects/key.mp3")
    put(tmp_path / ".annex/folder/2.mp3")
    (tmp_path / ".annex/folder/again").symlink_to(".")
    (tmp_path / "1.mp3").symlink_to(".annex/objects/key.mp3")
    (tmp_path / "linked").symlink_to(".annex/folder")
    assert files_below(tmp_path) == [b"1.mp3", b"linked/2.mp3"]


def test_links_out_of_the_root_are_not_followed(tmp_path: Path) -> None:
    put(tmp_path / "outside/1.mp3")
    root = tmp_path / "root"
    put(root / "a/2.mp3")
    (root / "a/out").symlink_to(tmp_path / "outside")
    (root / "a/1.mp3").symlink_to(tmp_path / "outside/1.mp3")
    assert files_below(root) == [b"a/2.mp3"]
    (error,) = errors_below(root)
    assert (error.path, error.error_class) == (b"a/out", "OutsideRoot")
    assert folders_below(root)[b"a"].other_files == 1
    (root / ".needleignore").write_text("a/out/\n")
    assert errors_below(root) == []


def test_needleignore_follows_gitignore_rules(tmp_path: Path) -> None:
    put(tmp_path / ".needleignore", b"# not these\n*.wav\n/drafts/\n!keep.wav\n[\xff\n")
    put(tmp_path / "live/.needleignore", b"!loud.wav\nquiet.mp3\n")
    for name in ("a.wav", "keep.wav", "drafts/1.mp3", "live/drafts/1.mp3", "quiet.mp3"):
        put(tmp_path / name)
    for name in ("live/loud.wav", "live/soft.wav", "live/quiet.mp3"):
        put(tmp_path / name)
    assert files_below(tmp_path) == [
        b"keep.wav",
        b"quiet.mp3",
        b"live/loud.wav",
        b"live/drafts/1.mp3",
    ]


def test_rules_above_hold_for_a_folder_walked_alone(tmp_path: Path) -> None:
    put(tmp_path / ".needleignore", b"*.wav\n/drafts/\n")
    put(tmp_path / "live/.needleignore", b"!loud.wav\n")
    for name in ("live/2001/a.wav", "live/2001/loud.wav", "live/2001/b.mp3", "drafts/c.mp3"):
        put(tmp_path / name)
    assert files_below(tmp_path, b"live/2001") == [b"live/2001/b.mp3", b"live/2001/loud.wav"]
    assert list(walk(os.fsencode(tmp_path), b"drafts")) == []


def test_a_start_that_is_gone_is_told_so(tmp_path: Path) -> None:
    put(tmp_path / "a.mp3")
    (error,) = errors_below(tmp_path, b"gone/deeper")
    assert (error.path, error.error_class) == (b"gone/deeper", "FileNotFoundError")
    (error,) = errors_below(tmp_path, b"a.mp3")
    assert error.error_class == "NotADirectoryError"


def test_unreadable_folders_do_not_end_the_walk(open_folder: Path) -> None:
    for name in ("a/1.mp3", "b/2.mp3", "c/3.mp3"):
        put(open_folder / name)
    (open_folder / "a").chmod(0)
    (open_folder / "b").chmod(0o444)  # names can be read, files cannot be looked at

    def walked() -> None:
        assert files_below(open_folder) == [b"c/3.mp3"]
        errors = errors_below(open_folder)
        assert [e.path for e in errors] == [b"a", b"b"]
        assert {e.error_class for e in errors} == {"PermissionError"}
        assert {e.message for e in errors} == {"Permission denied"}

    without_privileges(walked)


def put_deep(root: Path, name: str, depth: int) -> None:
    """A file below `depth` folders called `name`, however long its path."""
    fd = os.open(root, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=fd)
        below = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(os.open("deep.mp3", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    os.close(fd)


@pytest.mark.parametrize(("name", "depth"), [("d" * 200, 40), ("d", 1500)])
def test_depth_and_length_of_paths_have_no_limit(
    bottomless_folder: Path, name: str, depth: int
) -> None:
    put_deep(bottomless_folder, name, depth)
    assert files_below(bottomless_folder) == [(name.encode() + b"/") * depth + b"deep.mp3"]


def test_walk_leaves_no_descriptor_open(tmp_path: Path) -> None:
    put(tmp_path / "a/1.mp3")
    put(tmp_path / "b/2.mp3")
    before = len(os.listdir("/dev/fd"))
    unfinished = walk(os.fsencode(tmp_path))
    next(unfinished)
    unfinished.close()  # type: ignore[attr-defined]
    assert files_below(tmp_path)
    assert len(os.listdir("/dev/fd")) == before
