"""What the watcher remembers: the folders in which something changed, until they are quiet."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from worker.library import ignore
from worker.library.formats import format_of
from worker.library.walk import is_skipped

#: More changed folders than this, and the whole root counts as changed.
FOLDERS_MAX = 10_000


class Changes:
    """The changed folders of one root.  Times are monotonic seconds."""

    def __init__(self, quiet_seconds: float) -> None:
        self._quiet_seconds = quiet_seconds
        self._changed_at: dict[bytes, float] = {}

    def __len__(self) -> int:
        """Folders that are not quiet yet."""
        return len(self._changed_at)

    def add(self, folder: bytes, now: float) -> None:
        """Something changed directly in `folder` (relative to the root, b"" = the root)."""
        self._changed_at[folder] = now
        if len(self._changed_at) > FOLDERS_MAX:
            self._changed_at = {b"": now}

    def take_quiet(self, now: float) -> bytes | None:
        """The smallest folder that holds all that changed and is quiet, which is forgotten."""
        quiet = [f for f, at in self._changed_at.items() if now - at >= self._quiet_seconds]
        for folder in quiet:
            del self._changed_at[folder]
        return common_folder(quiet) if quiet else None


def common_folder(folders: Iterable[bytes]) -> bytes:
    """The smallest folder that holds all of `folders`, relative to the root as they are."""
    return os.path.commonpath(list(folders))


def changed_folder(root: bytes, path: bytes) -> bytes | None:
    """The folder (relative to `root`) to scan since `path` changed; None when nothing is to do.

    What a walk skips does not count, nor do files that are no audio.  What is gone counts,
    whatever its name: it may have been a folder.
    """
    if path == root:
        return b""
    *folders, name = path.removeprefix(root.rstrip(b"/") + b"/").split(b"/")
    if any(map(is_skipped, folders)):
        return None
    if name != ignore.NAME and (is_skipped(name) or _is_no_audio(path, name)):
        return None
    return b"/".join(folders)


def filled_folder(root: bytes, folder: bytes) -> bytes:
    """`folder`, or the nearest one above it (both relative to `root`) that still holds music.

    A scan of one that does not would rightly suspect that a disk is not mounted.
    """
    while folder and not _holds_music(os.path.join(root, folder)):
        folder = folder.rpartition(b"/")[0]
    return folder


def _holds_music(path: bytes) -> bool:
    names = (name for _, _, names in os.walk(path) for name in names)
    return any(format_of(name) is not None and not is_skipped(name) for name in names)


def _is_no_audio(path: bytes, name: bytes) -> bool:
    if format_of(name) is not None:
        return False
    try:
        return not stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False
