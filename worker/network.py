"""Which folders lie on disks of other machines, whose changes the kernel does not tell."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

import psutil

FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afpfs", "webdav", "davfs", "9p",
     "afs", "ceph", "glusterfs", "lustre", "coda", "ncpfs", "virtiofs", "vboxsf", "vmhgfs",
     "sshfs", "rclone", "davfs2", "s3fs", "gcsfuse", "macfuse", "osxfuse"}
)  # fmt: skip


def mounts() -> list[tuple[bytes, str]]:
    """Where each file system is mounted, and its type."""
    partitions = psutil.disk_partitions(all=True)
    return [(os.fsencode(part.mountpoint), part.fstype) for part in partitions]


def network_mounts(
    path: bytes, mounted: Iterable[tuple[bytes, str]]
) -> Iterator[tuple[bytes, str]]:
    """The mounts of other machines' disks that hold `path` or lie in it, with their type.

    `path` is absolute and resolved; of mounts that hold it only the innermost counts.
    """
    holding, inside = (b"", ""), []
    for point, kind in mounted:
        if _is_inside(path, point) and len(point) >= len(holding[0]):
            holding = (point, kind)
        elif _is_inside(point, path) and point != path:
            inside.append((point, kind))
    for point, kind in (holding, *inside):
        if kind.lower().removeprefix("fuse.") in FILE_SYSTEMS:
            yield point, kind


def _is_inside(path: bytes, folder: bytes) -> bool:
    return path == folder or path.startswith(folder.rstrip(b"/") + b"/")
