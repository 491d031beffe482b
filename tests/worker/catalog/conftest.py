"""A catalog on each database: real SQLite files, a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import PostgresServer, postgres
from worker.catalog.store import Catalog


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for all tests; each takes a database of its own."""
    with postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    """An empty, migrated catalog."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/library.db"
    else:
        url = request.getfixturevalue("postgres_server").database()
    made = Catalog(url)
    made.migrate()
    yield made
    made.dispose()
