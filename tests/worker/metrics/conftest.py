"""One Redis for the foreign application of this process, which sends from here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import ValkeyServer
from tests.worker.metrics import foreign

# Signals are global: other tests of this process send for applications of their own.
foreign.metrics.disconnect()


@pytest.fixture(scope="module")
def foreign_server(valkey_server: ValkeyServer) -> Iterator[ValkeyServer]:
    """The server that the application sends to; what it has counted is flushed at the end."""
    foreign.app.conf.update(broker_url=valkey_server.url)
    foreign.metrics.connect()
    yield valkey_server
    foreign.metrics.disconnect()
    foreign.metrics.recorder.finish()
