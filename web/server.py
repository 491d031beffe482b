"""Running the application: uvicorn, one process, a socket that notices dead browsers."""

from __future__ import annotations

import logging
import socket

import uvicorn

from web.app import create_app
from web.settings import WebSettings

#: A browser that vanished without a word is given up after this.
DEAD_PEER_SECONDS = 20
#: Kernel buffer of a connection: a browser that reads slowly misses versions, and gets no old ones.
SEND_BUFFER_BYTES = 128 * 1024
#: How long open requests may take when the server is told to stop.
GRACE_SECONDS = 3


def serve(settings: WebSettings) -> None:
    """Answer requests until SIGINT or SIGTERM.

    Raises:
        OSError: the address cannot be listened on.
    """
    config = uvicorn.Config(
        create_app(settings),
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    with listen(settings.host, settings.port) as listener:
        logging.getLogger(__name__).info("listening on %s:%d", settings.host, settings.port)
        uvicorn.Server(config).run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """A listening socket whose connections end when their peer is gone.  Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=128)
    # Accepted sockets inherit both.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        milliseconds = DEAD_PEER_SECONDS * 1000
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
    return listener
