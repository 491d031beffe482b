"""Opening the catalog, and its two kinds of transaction.

1. One transaction writes at a time, on SQLite (BEGIN IMMEDIATE) as on PostgreSQL (an advisory
   lock): what a writer has read stays true until it commits.
2. A connection is never used across a fork: the engine belongs to one pid.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    Select,
    Table,
    bindparam,
    create_engine,
    event,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from worker.catalog import schema

#: Seconds a transaction waits for the one that is writing.
BUSY_SECONDS = 15
#: The advisory lock that lets one PostgreSQL transaction write at a time ("need").
WRITE_LOCK = 0x6E656564


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
        self.url = _checked(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._owned: tuple[int, Engine] | None = None

    def migrate(self) -> None:
        """Create the tables or bring them up to date; a second starter waits for the first.

        A SQLite file that holds something is copied to `<file>.before-<revision>` first.

        Raises:
            SchemaTooNewError: a newer Needle wrote it.
            CatalogError: it cannot be opened.
        """
        from worker.catalog import migrate  # Alembic costs memory, and is needed at start only

        migrate.migrate(self)

    def dispose(self) -> None:
        """Close this process's connections; they open again when needed."""
        if self._owned is not None and self._owned[0] == os.getpid():
            self._owned[1].dispose()
        self._owned = None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the catalog and changes nothing."""
        with self._engine().connect() as connection:
            if not self.is_sqlite:
                connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            with connection.begin():
                yield connection

    @contextmanager
    def write(self, *, wait_seconds: int = BUSY_SECONDS) -> Iterator[Connection]:
        """A transaction that may write: one at a time, whichever process asks.

        Raises sqlalchemy.exc.OperationalError when its turn has not come after `wait_seconds`.
        """
        with self._engine().connect() as connection:
            connection.execution_options(needle_writes=wait_seconds)
            with connection.begin():
                if not self.is_sqlite:
                    connection.exec_driver_sql(f"set local lock_timeout = '{wait_seconds}s'")
                    connection.execute(text("select pg_advisory_xact_lock(:n)"), {"n": WRITE_LOCK})
                yield connection

    def _engine(self) -> Engine:
        pid = os.getpid()
        if self._owned is None or self._owned[0] != pid:
            if self._owned is not None:
                self._owned[1].dispose(close=False)  # the parent still uses these connections
            self._owned = (pid, _open(self.url))
        return self._owned[1]


def insert_for(dialect: str, table: Table) -> Any:
    """The INSERT of a dialect (`connection.dialect.name`), which knows ON CONFLICT."""
    own: Any = sqlite if dialect == "sqlite" else postgresql
    return own.insert(table)


def insert_many(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert new rows, whose values are in the order of `columns`, straight by the driver.

    SQLAlchemy's executemany would take as long again to look at every value, and plain Python
    values need none of that; PostgreSQL takes rows ten times faster by COPY.
    """
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_insert_sql(table.name, columns, "?"), list(rows))
        return
    names = ", ".join(f'"{name}"' for name in columns)
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"copy {table.name} ({names}) from stdin") as copy:
        for row in rows:
            copy.write_row(row)


def replace_many(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Like `insert_many` for rows that may be there already: those with the same `id` change."""
    if rows:
        marker = "?" if connection.dialect.name == "sqlite" else "%s"
        changed = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name != "id")
        sql = f"{_insert_sql(table.name, columns, marker)} on conflict (id) do update set {changed}"
        connection.exec_driver_sql(sql, list(rows))


@lru_cache
def _insert_sql(table: str, columns: tuple[str, ...], marker: str) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    markers = ", ".join([marker] * len(columns))
    return f'insert into "{table}" ({names}) values ({markers})'  # noqa: S608 (our own names)


def reserve_ids(connection: Connection, table: Table, count: int) -> range:
    """`count` new ids for `table`, in a writing transaction."""
    if not count:
        return range(0)
    last = connection.execute(_RESERVE, {"table": table.name, "number": count}).scalar_one()
    return range(last - count + 1, last + 1)


def one(connection: Connection, table: Table, row_id: int | str) -> RowMapping | None:
    """The row of `table` with this id, None when there is none."""
    return connection.execute(_by_id(table), {"row_id": row_id}).mappings().first()


# Putting a statement together takes SQLAlchemy longer than running it: these are made once.
_RESERVE = (
    update(schema.ids)
    .where(schema.ids.c.name == bindparam("table"))
    .values(last=schema.ids.c.last + bindparam("number", type_=BigInteger))
    .returning(schema.ids.c.last)
)


@lru_cache
def _by_id(table: Table) -> Select[Any]:
    return select(table).where(table.c.id == bindparam("row_id"))


def is_one_of(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """`column in (…)` with a list that is given by that name when the statement runs."""
    return column.in_(bindparam(name, expanding=True))


def _checked(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise CatalogError("the database address is not an address") from None
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed
    if parsed.drivername == "postgresql+psycopg":
        return parsed
    shown = parsed.render_as_string(hide_password=True)
    raise CatalogError(f"{shown}: sqlite:///file or postgresql://user:password@host/name is needed")


def _open(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return create_engine(
        url,
        hide_parameters=True,
        pool_size=2,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": 10,
            "client_encoding": "utf8",
            # A frozen writer must not hold up the others for ever.
            "options": "-c idle_in_transaction_session_timeout=60s",
        },
    )


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is ours, see below
    connection.execute(f"pragma busy_timeout = {BUSY_SECONDS * 1000}")
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = normal")
    connection.execute("pragma foreign_keys = on")
    connection.execute("pragma cache_size = -16000")


def _begin_sqlite(connection: Connection) -> None:
    # A reader that later writes would fail at once instead of waiting its turn.
    wait_seconds = connection.get_execution_options().get("needle_writes")
    if wait_seconds is None:
        connection.exec_driver_sql("begin")
        return
    if wait_seconds != BUSY_SECONDS:
        connection.exec_driver_sql(f"pragma busy_timeout = {wait_seconds * 1000}")
    connection.exec_driver_sql("begin immediate")
    if wait_seconds != BUSY_SECONDS:
        connection.exec_driver_sql(f"pragma busy_timeout = {BUSY_SECONDS * 1000}")
