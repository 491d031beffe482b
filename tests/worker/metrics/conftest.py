"""One Redis for the foreign application of this process, which sends from here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import ValkeyServer
from tests.worker.metrics import foreign


@pytest.fixture(scope="session")
def foreign_server(valkey_server: ValkeyServer) -> Iterator[ValkeyServer]:
    """The server that the application sends to; what it has counted is flushed at the end."""
    foreign.app.conf.update(broker_url=valkey_server.url)
    yield valkey_server
    foreign.metrics.recorder.finish()
