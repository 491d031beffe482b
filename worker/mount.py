"""Whether a music folder is what it was: there, readable, and on its disk."""

from __future__ import annotations

import os
from dataclasses import dataclass

from wire.text import display_path

#: Bytes of a path that are told.
PATH_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a folder is not scanned.  `overridable`: a person may know better."""

    reason: str
    overridable: bool = False


def identity(path: bytes) -> tuple[int, int] | None:
    """Device and inode of a folder, None when it is not there: what an unmount changes."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def is_mounted(path: bytes) -> bool:
    """Whether a folder is on another file system than `/`.

    Device numbers change from boot to boot; this does not, as long as the disk is connected.
    """
    here, top = identity(path), identity(b"/")
    return here is not None and top is not None and here[0] != top[0]


def doubt(root: bytes, folder: bytes, *, was_mounted: bool) -> Doubt | None:
    """Why `folder` (relative) of a root cannot or should not be scanned, None when it may be."""
    path = os.path.join(root, folder) if folder else root
    if not _is_inside(root, folder):
        return Doubt(f"{display_path(folder[:PATH_BYTES])} leads out of the music folder.")
    try:
        empty = _is_empty(path)
    except OSError as error:
        return Doubt(f"{display_path(path)} cannot be read: {error.strerror}.")
    if empty:
        return Doubt(f"{display_path(path)} is empty. Is the disk mounted?", overridable=True)
    if was_mounted and not is_mounted(root):
        reason = f"{display_path(root)} is no longer on a disk of its own. Is it mounted?"
        return Doubt(reason, overridable=True)
    return None


def _is_inside(root: bytes, folder: bytes) -> bool:
    """Whether `folder` is below `root`, whatever links lead to; messages may name anything."""
    if not folder:
        return True
    if b"\0" in folder or not {b"", b".", b".."}.isdisjoint(folder.split(b"/")):
        return False
    real_root, real_path = os.path.realpath(root), os.path.realpath(os.path.join(root, folder))
    return real_path.startswith(real_root.rstrip(b"/") + b"/")


def _is_empty(path: bytes) -> bool:
    if os.path.isfile(path):
        return False
    with os.scandir(path) as entries:
        return next(entries, None) is None
