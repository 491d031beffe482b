"""Making real files to read, and reading them."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import mutagen

from cli.demo.audio import silence
from worker.library.model import FileResult, FoundFile, Tags
from worker.library.opening import signature_of
from worker.library.reader import Reader


def found(path: Path, root: Path) -> FoundFile:
    """`path` as a walk of `root` gives it."""
    relative = os.fsencode(path)[len(os.fsencode(root)) + 1 :]
    return FoundFile(relative, signature_of(os.stat(path, follow_symlinks=False)))


def read(path: Path, root: Path | None = None, *, seconds: float = 10) -> FileResult:
    """What our reader says of the file at `path`."""
    root = root or path.parent
    with Reader(os.fsencode(root), file_timeout_seconds=seconds) as reader:
        return reader.read(found(path, root))


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def opened(path: Path, form: str, seconds: float = 1) -> Any:
    """A new silent file at `path`, opened by mutagen to be tagged."""
    write(path, silence(form, seconds))
    file: Any = mutagen.File(path)  # type: ignore[attr-defined]
    if file.tags is None:
        file.add_tags()
    return file


def tags_of(path: Path) -> Tags:
    """The tags our reader finds."""
    tags = read(path).tags
    assert tags is not None
    return tags


def flac_with_comments(count: int) -> bytes:
    """A FLAC file with `count` times the same artist, and no music."""
    comments = struct.pack("<II", 0, count) + (struct.pack("<I", 8) + b"ARTIST=a") * count
    head = silence("flac", 1)[:42]  # up to the end of the stream's properties
    return head + b"\x84" + len(comments).to_bytes(3, "big") + comments
