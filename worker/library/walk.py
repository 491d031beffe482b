"""Finding the audio files of a library.

1. Folders are opened relative to the root's descriptor and never by recursion: neither the
   depth of a tree nor the length of a path ends the walk.
2. A folder that cannot be listed, whole or in part, is a `FolderError`, and the walk goes on.
3. Every folder is entered once, known by device and inode.  A link is followed only into the
   root, and only to what is not found there under its own name.
4. Nothing is opened but folders and `.needleignore` files; only regular files are audio.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from struct import Struct

from worker.library import ignore
from worker.library.errors import OutsideRoot
from worker.library.formats import BY_EXTENSION, extension_of
from worker.library.ignore import IgnoreRules
from worker.library.model import Folder, FolderError
from worker.library.opening import FOLDER_FLAGS, MAX_TIME_NS, open_below, resolve_below

#: Folders that hold no music of the user's: NAS thumbnails, bins, snapshots, in lower case.
SKIPPED_FOLDERS = frozenset(
    {b"@eadir", b"#recycle", b"#snapshot", b"@recycle", b"@recently-snapshot", b"$recycle.bin"}
    | {b"lost+found", b"system volume information", b"recycler", b"__macosx"}
)
#: How the system writes names as text: what `os.fsencode` asks for each of them.
_NAMES = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
_pack_signature = Struct("<QQQ").pack


def is_skipped(name: bytes, *, is_folder: bool = True) -> bool:
    """Whether a file or folder of this name is never looked at: hidden, or a system's own."""
    return name.startswith(b".") or (is_folder and name.lower() in SKIPPED_FOLDERS)


def walk(root: bytes, folder: bytes = b"") -> Iterator[Folder | FolderError]:
    """The folders of the library at `root`, from `folder` (relative to it) downwards.

    The order is that of the names, depth first; a folder without audio files is given too.
    Raises nothing: a root that cannot be opened is the one `FolderError` given.
    """
    try:
        root_fd = os.open(root, FOLDER_FLAGS)
    except OSError as error:
        yield _folder_error(b"", error)
        return
    try:
        yield from _Walk(os.path.realpath(root), root_fd).run(folder)
    finally:
        os.close(root_fd)


class _Walk:
    def __init__(self, real_root: bytes, root_fd: int) -> None:
        self._real_root = real_root
        self._root_fd = root_fd
        self._entered: set[tuple[int, int]] = set()
        self._waiting: list[tuple[bytes, IgnoreRules | None]] = []

    def run(self, start: bytes) -> Iterator[Folder | FolderError]:
        try:
            os.close(open_below(self._root_fd, start, FOLDER_FLAGS))
            if resolve_below(self._real_root, start) is None:
                raise OutsideRoot
            rules = self._rules_above(start)
        except OutsideRoot:
            yield _outside(start)
            return
        except OSError as error:
            yield _folder_error(start, error)
            return
        if rules is None or not rules.ignores(start, is_folder=True):
            self._waiting.append((start, rules))
        while self._waiting:
            path, rules = self._waiting.pop()
            try:
                found = self._enter(path, rules)
            except OSError as error:
                found = [_folder_error(path, error)]
            yield from found

    def _rules_above(self, start: bytes) -> IgnoreRules | None:
        """The rules that the folders above `start` have for it.  Raises OSError."""
        rules: IgnoreRules | None = None
        parts = start.split(b"/") if start else []
        for depth in range(len(parts)):
            folder = b"/".join(parts[:depth])
            fd = open_below(self._root_fd, folder, FOLDER_FLAGS)
            try:
                with contextlib.suppress(FileNotFoundError):
                    rules = ignore.read_rules(fd, folder, rules)
            finally:
                os.close(fd)
        return rules

    def _enter(self, path: bytes, rules: IgnoreRules | None) -> list[Folder | FolderError]:
        """What lies directly in `path`; its folders join those waiting.  Raises OSError."""
        fd = open_below(self._root_fd, path, FOLDER_FLAGS)
        try:
            status = os.fstat(fd)
            identity = (status.st_dev, status.st_ino)
            if identity in self._entered:
                return []
            self._entered.add(identity)
            listing = _list(fd)
            if listing.has_rules:
                rules = ignore.read_rules(fd, path, rules)
            errors = self._follow_links(fd, path, listing)
            if rules is not None:
                _drop_ignored(path, listing, rules)
                errors = [e for e in errors if not rules.ignores(e.path, is_folder=True)]
            folder = _folder(fd, path, listing)
        finally:
            os.close(fd)
        prefix = path + b"/" if path else b""
        self._waiting += [(prefix + name, rules) for name in sorted(listing.folders, reverse=True)]
        return [folder, *errors]

    def _follow_links(self, fd: int, path: bytes, listing: _Listing) -> list[FolderError]:
        """Sort the links of a folder into its files and folders; those left out are returned."""
        outside = []
        for name in sorted(listing.links):
            try:
                mode = os.stat(name, dir_fd=fd).st_mode
            except OSError:
                continue  # leads nowhere, or in a circle
            link = path + b"/" + name if path else name
            target = resolve_below(self._real_root, link)
            if stat.S_ISDIR(mode):
                if target is None:
                    outside.append(_outside(link))
                elif not _found_by_itself(target, is_folder=True):
                    listing.folders.append(name)
            elif stat.S_ISREG(mode):
                wanted = target is not None and not _found_by_itself(target, is_folder=False)
                if wanted and extension_of(name) in BY_EXTENSION:
                    listing.audio.append(name)
                else:
                    listing.other_files += 1
        return outside


@dataclass(slots=True)
class _Listing:
    """The names in one folder, sorted out."""

    audio: list[bytes] = field(default_factory=list)
    folders: list[bytes] = field(default_factory=list)
    links: list[bytes] = field(default_factory=list)
    other_files: int = 0
    has_rules: bool = False


def _list(fd: int) -> _Listing:
    listing = _Listing()
    with os.scandir(fd) as entries:
        for entry in entries:
            name = entry.name.encode(*_NAMES)
            if name.startswith(b"."):
                listing.has_rules |= name == ignore.NAME
            elif entry.is_file(follow_symlinks=False):
                if name[name.rfind(b".") + 1 :].lower() in BY_EXTENSION:
                    listing.audio.append(name)
                else:
                    listing.other_files += 1
            elif entry.is_dir(follow_symlinks=False):
                if not is_skipped(name):
                    listing.folders.append(name)
            elif entry.is_symlink():
                listing.links.append(name)
    return listing


def _drop_ignored(path: bytes, listing: _Listing, rules: IgnoreRules) -> None:
    prefix = path + b"/" if path else b""
    listing.audio = [
        name for name in listing.audio if not rules.ignores(prefix + name, is_folder=False)
    ]
    listing.folders = [
        name for name in listing.folders if not rules.ignores(prefix + name, is_folder=True)
    ]


def _folder(fd: int, path: bytes, listing: _Listing) -> Folder:
    """Look at each audio file of an open folder.

    Raises OSError when one cannot be looked at: it is there, and must not pass for missing.
    """
    names, signatures, parts = [], [], []
    for name in sorted(listing.audio):
        try:
            status = os.stat(name, dir_fd=fd)
        except FileNotFoundError:
            continue  # gone since it was listed
        signature = (
            status.st_size,
            status.st_mtime_ns & MAX_TIME_NS,
            status.st_ctime_ns & MAX_TIME_NS,
        )
        names.append(name)
        signatures.append(signature)
        parts.append(name + b"\0" + _pack_signature(*signature))
    digest = blake2b(b"".join(parts), digest_size=16).digest()
    return Folder(path, tuple(names), tuple(signatures), digest, listing.other_files)


def _found_by_itself(target: bytes, *, is_folder: bool) -> bool:
    """Whether the walk meets `target`, relative to the root, under its own name."""
    *folders, name = target.split(b"/")
    if target and (any(map(is_skipped, folders)) or is_skipped(name, is_folder=is_folder)):
        return False
    return is_folder or extension_of(name) in BY_EXTENSION


def _folder_error(path: bytes, error: OSError) -> FolderError:
    return FolderError(path, type(error).__name__, error.strerror or type(error).__name__)


def _outside(path: bytes) -> FolderError:
    return FolderError(
        path, OutsideRoot.__name__, "the link leads out of the library: not followed"
    )
