"""Fixtures that every room's tests share: real servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import redis

from tests.servers import ValkeyServer, valkey

# These machines are slow and shared: time says nothing about the code under test.
hypothesis.settings.register_profile(
    "needle",
    deadline=None,
    max_examples=60,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("needle")


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """One server for the tests that do not harm it."""
    with valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def redis_client(valkey_server: ValkeyServer) -> Iterator[redis.Redis]:
    """A client of the shared server, emptied first."""
    with valkey_server.client() as client:
        client.flushall()
        yield client


@pytest.fixture
def private_valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A server of the test's own, to kill and to freeze."""
    with valkey(tmp_path / "valkey") as server:
        yield server
