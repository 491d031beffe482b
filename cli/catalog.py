"""The catalog, opened straight from the terminal: for commands that need no running Needle."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from cli.terminal import Failure, shown
from wire.settings import SettingsError
from worker.catalog import schema
from worker.catalog.migrate import current_revision
from worker.catalog.store import Catalog, CatalogError
from worker.settings import read_settings


@dataclass(frozen=True, slots=True)
class Stored:
    """A catalog and the data folder it belongs to."""

    catalog: Catalog
    data: Path

    @property
    def file(self) -> Path:
        """The SQLite file."""
        return Path(str(self.catalog.url.database))


def find_catalog(data: str | None) -> Stored:
    """The catalog of a data folder, or of the environment.  Raises Failure when there is none."""
    environ = dict(os.environ) | ({"NEEDLE_DATA": data} if data else {})
    try:
        settings = read_settings(environ)
        stored = Stored(Catalog(settings.database_url), settings.data)
    except (SettingsError, CatalogError) as error:
        raise Failure(str(error)) from None
    if stored.catalog.is_sqlite and not stored.file.is_file():
        raise Failure(f"there is no catalog at {shown(str(stored.file))}: name one with --data")
    return stored


@contextmanager
def reading(stored: Stored) -> Iterator[Connection]:
    """A transaction that sees one state of the catalog.  Raises Failure when it cannot be read."""
    try:
        with stored.catalog.read() as connection:
            revision = current_revision(connection)
            if revision != schema.VERSION:
                raise Failure(
                    f"the catalog is of another version of Needle (schema {revision}, this one "
                    f"reads {schema.VERSION}): `needle up` brings an older one up to date"
                )
            yield connection
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).strip()
        raise Failure(f"the catalog cannot be read: {cause}") from None
    finally:
        stored.catalog.dispose()
