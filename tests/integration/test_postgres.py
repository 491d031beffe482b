"""Scans into PostgreSQL: the same catalog as in SQLite, whatever happens to its server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.faults.page import banner, status
from tests.integration.stack import Stack, check_ledger, stack
from tests.postgres import PostgresServer, postgres
from tests.servers import wait_until
from tests.worker.catalog.scenario import canonical_dump
from worker.catalog.store import Catalog

SLOWLY = {"NEEDLE_BATCH_FILES": "2"}

Content = tuple[dict[str, list[str]], dict[str, int]]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server that tests may harm, each on a database of its own."""
    with postgres() as started:
        yield started


@pytest.fixture(scope="module")
def in_sqlite(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Content:
    """What a scan stores that nobody disturbs, and what it counts."""
    with stack(tmp_path_factory.mktemp("sqlite"), library) as running:
        scan = running.run_scan()
        return dump(f"sqlite:///{running.data}/library.db", scan["id"]), scan["counts"]


def dump(url: str, scan_id: str) -> dict[str, list[str]]:
    """The content of a catalog after its only scan."""
    catalog = Catalog(url)
    try:
        content = canonical_dump(catalog)
    finally:
        catalog.dispose()
    return {
        table: [repr(line).replace(scan_id, "") for line in content[table]] for table in content
    }


def check_end(running: Stack, scan_id: str, in_sqlite: Content) -> None:
    content, counts = in_sqlite
    scan = running.wait_for_end(scan_id)
    assert scan["counts"] == counts
    assert dump(running.postgres, scan_id) == content
    tracks = running.value("SELECT count(*) FROM tracks")
    check_ledger(running, scan, counts["files_found"], tracks)
    wait_until(lambda: status(running)["catalog"]["ok"], seconds=70, what="no trouble is told")
    assert banner(running).startswith("completed_with_problems:")


def test_catalog_in_postgresql_holds_what_sqlite_would(
    tmp_path: Path, library: Path, server: PostgresServer, in_sqlite: Content
) -> None:
    with stack(tmp_path, library, NEEDLE_DATABASE_URL=server.database()) as running:
        check_end(running, running.start_scan(), in_sqlite)
        again = running.run_scan()
        assert again["counts"]["unchanged"] == again["counts"]["files_found"]
        assert running.get("/api/v1/library/search?kind=tracks&limit=1")["tracks"]["total"]


def test_scan_goes_on_after_a_restart_of_postgresql(
    tmp_path: Path, library: Path, server: PostgresServer, in_sqlite: Content
) -> None:
    with stack(tmp_path, library, NEEDLE_DATABASE_URL=server.database(), **SLOWLY) as running:
        scan_id = running.start_scan()
        running.wait_for_stored(scan_id, 8)
        server.stop("immediate")
        try:
            wait_until(
                lambda: status(running)["catalog"]["error"], what="the page says that it is away"
            )
            assert "The catalog cannot be used, so nothing is stored." in banner(running)
            assert "needle@" not in status(running)["catalog"]["error"]
        finally:
            server.start()
        check_end(running, scan_id, in_sqlite)


def test_scan_survives_the_loss_of_its_connections(
    tmp_path: Path, library: Path, server: PostgresServer, in_sqlite: Content
) -> None:
    with stack(tmp_path, library, NEEDLE_DATABASE_URL=server.database(), **SLOWLY) as running:
        scan_id = running.start_scan()
        for stored in (4, 16, 28):
            running.wait_for_stored(scan_id, stored)
            with psycopg.connect(running.postgres, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
        check_end(running, scan_id, in_sqlite)
