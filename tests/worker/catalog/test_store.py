"""Opening a catalog: addresses, migrations, transactions, forks."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from tests.postgres import PostgresServer
from tests.worker.catalog.scenario import begin, rows, scan, song
from worker.catalog import migrate, schema
from worker.catalog.store import Catalog, CatalogError, SchemaTooNewError, reserve_ids

MIGRATE = "import sys; from worker.catalog.store import Catalog; Catalog(sys.argv[1]).migrate()"


def test_tables_are_what_the_migrations_make(catalog: Catalog) -> None:
    with catalog.read() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, schema.metadata) == []


def test_last_migration_is_the_version_of_the_schema() -> None:
    config = Config()
    folder = os.path.join(os.path.dirname(migrate.__file__), "migrations")
    config.set_main_option("script_location", folder)
    assert ScriptDirectory.from_config(config).get_current_head() == schema.VERSION


def test_many_starters_migrate_once(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    for url in (
        f"sqlite:///{tmp_path}/many.db",
        request.getfixturevalue("postgres_server").database(),
    ):
        command = [sys.executable, "-c", MIGRATE, url]
        starters = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(5)]
        outputs = [starter.communicate()[1] for starter in starters]
        assert [s.returncode for s in starters] == [0] * 5, outputs
        catalog = Catalog(url)
        assert begin(catalog).scan_id == "scan-1"
        catalog.dispose()


def test_newer_schema_is_refused(catalog: Catalog) -> None:
    with catalog.write() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))

    with pytest.raises(SchemaTooNewError, match=r"9999.*update Needle"):
        catalog.migrate()


def test_file_is_copied_before_a_migration(tmp_path: Path) -> None:
    file = tmp_path / "library.db"
    catalog = Catalog(f"sqlite:///{file}")
    catalog.migrate()
    scan(catalog, [song("a/1.mp3", title="Kept")])
    catalog.dispose()

    with catalog.write():  # while somebody writes, which the copy must not wait for
        migrate.back_up(str(file))

    copy = sqlite3.connect(f"{file}.before-{schema.VERSION}")
    assert copy.execute("select title from tracks").fetchall() == [("Kept",)]
    assert copy.execute("pragma integrity_check").fetchall() == [("ok",)]
    copy.close()
    catalog.dispose()


@pytest.mark.parametrize(
    "url", ["mysql://u:secret@h/d", "no address", "sqlite://", "sqlite:///:memory:"]
)
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(CatalogError) as caught:
        Catalog(url)
    assert "secret" not in str(caught.value)


def test_file_that_cannot_be_opened_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="cannot be opened"):
        Catalog(f"sqlite:///{tmp_path}/no/such/folder/library.db").migrate()
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(b"this is no database" * 100)
    with pytest.raises(CatalogError, match="cannot be opened"):
        Catalog(f"sqlite:///{damaged}").migrate()


def test_unreachable_server_is_one_clear_error_without_password() -> None:
    with pytest.raises(CatalogError, match="cannot be opened") as caught:
        Catalog("postgresql://needle:hushhush@127.0.0.1:1/x").migrate()
    assert "hushhush" not in str(caught.value)


def test_one_transaction_writes_at_a_time(catalog: Catalog) -> None:
    with (
        catalog.write(),
        pytest.raises(OperationalError),
        catalog.write(wait_seconds=1),
    ):
        pass


def test_reader_sees_one_state_while_another_writes(catalog: Catalog) -> None:
    begin(catalog, "scan-1")
    with catalog.read() as connection:
        before = connection.execute(schema.scans.select()).mappings().one()["state"]
        with catalog.write() as writing:
            writing.execute(schema.scans.update().values(state="other"))
        assert connection.execute(schema.scans.select()).mappings().one()["state"] == before
    assert rows(catalog, "scans")[0]["state"] == "other"


def test_failed_transaction_leaves_nothing(catalog: Catalog) -> None:
    def fail() -> None:
        with catalog.write() as connection:
            reserve_ids(connection, schema.files, 5)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with catalog.write() as connection:
        assert reserve_ids(connection, schema.files, 1) == range(1, 2)


def test_fork_opens_connections_of_its_own(catalog: Catalog) -> None:
    begin(catalog, "before the fork")
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            with catalog.write() as connection:
                reserve_ids(connection, schema.files, 3)
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    with catalog.write() as connection:
        assert reserve_ids(connection, schema.files, 1) == range(4, 5)


def test_restarted_server_is_found_again(postgres_server: PostgresServer) -> None:
    catalog = Catalog(postgres_server.database())
    catalog.migrate()
    scan(catalog, [song("a/1.mp3", title="Kept")])

    postgres_server.stop("immediate")
    with pytest.raises(OperationalError):
        rows(catalog, "tracks")
    postgres_server.start()

    assert [row["title"] for row in rows(catalog, "tracks")] == ["Kept"]
    scan(catalog, [song("a/1.mp3", title="Kept")], "scan-2")
    catalog.dispose()


def test_full_disk_loses_nothing_that_was_stored(tmp_path: Path) -> None:
    catalog = Catalog(f"sqlite:///{tmp_path}/library.db")
    catalog.migrate()
    scan(catalog, [song("a/1.mp3", title="Kept")])
    with catalog.write() as connection:
        pages = connection.exec_driver_sql("pragma page_count").scalar_one()
        connection.exec_driver_sql(f"pragma max_page_count = {pages}")

    many = [song(f"b/{n}.mp3", n, title="x" * 500, comment="y" * 900) for n in range(300)]
    with pytest.raises(OperationalError, match="full"):
        scan(catalog, many, "scan-2")

    catalog.dispose()  # the limit was that connection's
    assert [row["title"] for row in rows(catalog, "tracks")] == ["Kept"]
    with catalog.read() as connection:
        assert connection.exec_driver_sql("pragma integrity_check").scalar() == "ok"
    catalog.dispose()
