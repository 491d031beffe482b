"""`needle backup`: a consistent copy of the catalog, also while a scan runs."""

from __future__ import annotations

import os
import shlex
import time

from sqlalchemy import func, select

from cli.catalog import Stored, find_catalog, reading
from cli.terminal import Failure, say, shown
from worker.catalog.backup import back_up
from worker.catalog.schema import tracks
from worker.catalog.store import CatalogError


def backup(data: str | None, output: str | None) -> None:
    """Copy the catalog to `output`, by default into the data folder.  Raises Failure."""
    stored = find_catalog(data)
    if not stored.catalog.is_sqlite:
        raise Failure(f"this catalog is a PostgreSQL database; back it up with: {_dump(stored)}")
    with reading(stored) as connection:
        count = connection.execute(select(func.count()).select_from(tracks)).scalar_one()
    target = os.path.abspath(output) if output else _default(stored)
    if os.path.lexists(target):
        raise Failure(f"{shown(target)} is there already: a backup never replaces anything")
    try:
        if not output:
            os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
        back_up(str(stored.file), target)
    except (CatalogError, OSError) as error:
        cause = error.strerror if isinstance(error, OSError) else error
        raise Failure(f"no backup was made at {shown(target)}: {cause}") from None
    megabytes = os.path.getsize(target) / 1e6
    say(f"Backup of about {count:,} tracks, {megabytes:,.1f} MB, checked: {target}")
    say("To restore it, stop Needle, run this, and start Needle:")
    say(f"  {_restore(stored, target)}")


def _default(stored: Stored) -> str:
    name = time.strftime("library-%Y%m%dT%H%M%SZ.db", time.gmtime())
    return os.path.join(stored.data, "backups", name)


def _restore(stored: Stored, target: str) -> str:
    # What is left of the old one beside it would be taken for the newest changes of the new one.
    file = str(stored.file.absolute())
    quoted = (shlex.quote(path) for path in (f"{file}-wal", f"{file}-shm", target, file))
    return "rm -f {} {} && cp {} {}".format(*quoted)


def _dump(stored: Stored) -> str:
    """The command of PostgreSQL; it asks for the password, or reads `~/.pgpass`."""
    url = stored.catalog.url._replace(drivername="postgresql", password=None)
    address = shlex.quote(url.render_as_string())
    return f"pg_dump --format=custom --file=needle.dump {address}"
