"""The folders of a root: their ids by path, and which of them lie in another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, bindparam, insert, select

from worker.catalog.naming import digest, release_folder
from worker.catalog.schema import folders
from worker.catalog.store import is_one_of, reserve_ids

#: Rows that are named in one statement, well below the number of parameters databases allow.
CHUNK = 500

T = TypeVar("T")

_FOUND = select(folders.c.path, folders.c.id).where(
    folders.c.root_id == bindparam("root"), is_one_of(folders.c.path_hash, "hashes")
)


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """`items` in lists of at most `size`."""
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part


def path_hash(path: bytes) -> bytes:
    """What stands for a path where the path itself would be too long for an index."""
    return digest(path)


def is_inside(path: bytes, folder: bytes) -> bool:
    """Whether `path` is `folder` or lies below it; everything lies in b""."""
    return not folder or path == folder or path.startswith(folder + b"/")


def find_folders(connection: Connection, root_id: str, paths: Sequence[bytes]) -> dict[bytes, int]:
    """Path -> id of those folders that are known."""
    found: dict[bytes, int] = {}
    for part in chunks(dict.fromkeys(paths)):
        hashes = [path_hash(path) for path in part]
        found.update(connection.execute(_FOUND, {"root": root_id, "hashes": hashes}).all())
    return found


def ensure_folders(
    connection: Connection, root_id: str, paths: Sequence[bytes]
) -> dict[bytes, int]:
    """Path -> id of every folder of `paths`; unknown ones are added."""
    found = find_folders(connection, root_id, paths)
    missing = [path for path in dict.fromkeys(paths) if path not in found]
    if missing:
        new = dict(zip(missing, reserve_ids(connection, folders, len(missing)), strict=True))
        rows = [
            {
                "id": folder_id,
                "root_id": root_id,
                "path": path,
                "path_hash": path_hash(path),
                "release_hash": digest(root_id, release_folder(path)),
            }
            for path, folder_id in new.items()
        ]
        connection.execute(insert(folders), rows)
        found |= new
    return found
