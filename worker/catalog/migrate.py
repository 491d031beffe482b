"""Bringing a database's tables up to date, under the lock that every writer takes."""

from __future__ import annotations

import os
import sqlite3

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from worker.catalog import schema
from worker.catalog.store import Catalog, CatalogError, SchemaTooNewError

#: Seconds to wait for another starter that migrates.
WAIT_SECONDS = 600


def migrate(catalog: Catalog) -> None:
    """See `Catalog.migrate`."""
    try:
        with catalog.read() as connection:
            if current_revision(connection) == schema.VERSION:
                return
        with catalog.write(wait_seconds=WAIT_SECONDS) as connection:
            _upgrade(catalog, connection)
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).strip()
        shown = catalog.url.render_as_string(hide_password=True)
        raise CatalogError(f"the catalog {shown} cannot be opened: {cause}") from error


def current_revision(connection: Connection) -> str | None:
    """The migration the database is at, None when it has no tables of ours."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("select version_num from alembic_version")).scalar()


def _upgrade(catalog: Catalog, connection: Connection) -> None:
    current = current_revision(connection)  # again: another starter may have been faster
    if current == schema.VERSION:
        return
    config = Config()
    config.set_main_option("script_location", os.path.join(os.path.dirname(__file__), "migrations"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise SchemaTooNewError(
            f"the catalog is of a newer Needle (schema {current}, this one knows "
            f"{schema.VERSION}): update Needle, or give it another database"
        )
    if current is not None and catalog.is_sqlite:
        back_up(str(catalog.url.database))
    config.attributes["connection"] = connection
    command.upgrade(config, schema.VERSION)


def back_up(file: str) -> None:
    """Copy the database as it is before the migration, which has changed nothing yet."""
    target = f"{file}.before-{schema.VERSION}"
    partial = target + ".partial"
    if os.path.exists(partial):
        os.unlink(partial)
    reader = sqlite3.connect(file)
    try:
        reader.execute("vacuum into ?", (partial,))
    finally:
        reader.close()
    os.replace(partial, target)
