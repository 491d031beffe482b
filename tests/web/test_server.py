"""The socket that the page listens on."""

from __future__ import annotations

import socket

import pytest

from web.server import listen


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_connections_send_at_once(host: str) -> None:
    with listen(host, 0) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection((host, port)), listener.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
