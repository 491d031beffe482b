"""Opening the catalog, and its two kinds of transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection


class CatalogError(Exception):
    """The catalog cannot be used; the message says why, without any password."""


class SchemaTooNewError(CatalogError):
    """The catalog was written by a newer Needle."""


class Catalog:
    """A catalog by URL: `sqlite:///path/library.db` or `postgresql://user:password@host/name`.

    Opening connects to nothing.  One object may live through forks: each process gets
    connections of its own.
    """

    def __init__(self, url: str) -> None:
        """Raises CatalogError when `url` is of neither kind."""
        raise NotImplementedError

    def migrate(self) -> None:
        """Create the tables or bring them up to date; a second starter waits for the first.

        A SQLite file that holds something is copied to `<file>.before-<revision>` first.

        Raises:
            SchemaTooNewError: a newer Needle wrote it.
            CatalogError: it cannot be opened.
        """
        raise NotImplementedError

    def dispose(self) -> None:
        """Close this process's connections; they open again when needed."""
        raise NotImplementedError

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the catalog and changes nothing."""
        raise NotImplementedError

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write: one at a time, whichever process asks."""
        raise NotImplementedError
