"""A copy of a SQLite catalog, whole and consistent, while others go on writing."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from urllib.parse import quote

from worker.catalog.store import BUSY_SECONDS, CatalogError


def back_up(source: str, target: str) -> None:
    """Copy the database file `source` to `target`, which must not exist, and check the copy.

    The copy is one file, for its owner only, and is complete on the disk when this returns; when
    it fails nothing is left of it.

    Raises:
        CatalogError: the source cannot be read, or the copy is not sound.
        OSError: the target cannot be written.
    """
    partial = target + ".partial"
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise CatalogError("another backup of this name is being written") from None
    try:
        with closing(_open(source, "rw")) as reader:
            reader.execute("vacuum into ?", (partial,))
        _check(partial)
        with open(partial, "rb") as copy:
            os.fsync(copy.fileno())
        if os.path.lexists(target):
            raise FileExistsError(17, "File exists", target)
        os.rename(partial, target)
    except sqlite3.Error as error:
        raise CatalogError(str(error)) from None
    finally:
        if os.path.lexists(partial):
            os.unlink(partial)


def _check(file: str) -> None:
    with closing(_open(file, "ro")) as copy:
        [first, *_] = copy.execute("pragma integrity_check").fetchone()
        broken = copy.execute("pragma foreign_key_check").fetchone()
    if first != "ok" or broken:
        raise CatalogError(f"the copy is not sound: {first if first != 'ok' else broken}")


def _open(file: str, mode: str) -> sqlite3.Connection:
    """Open a database that is there: never makes one."""
    return sqlite3.connect(f"file:{quote(file)}?mode={mode}", uri=True, timeout=BUSY_SECONDS)
