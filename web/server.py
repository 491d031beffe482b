"""Running the application: uvicorn, one process, a socket that notices dead browsers."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import cast

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from web.app import create_app
from web.settings import TLS_CERT, TLS_KEY, WebSettings
from wire.settings import SettingsError

#: A browser that vanished without a word is given up after this.
DEAD_PEER_SECONDS = 20
#: Kernel buffer of a connection: a browser that reads slowly misses versions, and gets no old ones.
SEND_BUFFER_BYTES = 128 * 1024
#: How long a connection may take to say what it wants; uvicorn itself would wait for ever.
HEAD_SECONDS = 10.0
#: How long open requests may take when the server is told to stop.
GRACE_SECONDS = 3


def serve(settings: WebSettings) -> None:
    """Answer requests until SIGINT or SIGTERM.

    Raises:
        OSError: the address cannot be listened on.
        SettingsError: certificate or key cannot be used.
        VaultError: the secrets cannot be kept.
    """
    _check_certificate(settings)
    config = uvicorn.Config(
        create_app(settings),
        http=Impatient,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ssl_certfile=settings.tls_cert or None,
        ssl_keyfile=settings.tls_key or None,
    )
    with listen(settings.host, settings.port) as listener:
        logging.getLogger(__name__).info("listening on %s:%d", settings.host, settings.port)
        uvicorn.Server(config).run(sockets=[listener])


class Impatient(H11Protocol):
    """A connection that is closed when the head of a request does not come in time."""

    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first request."""
        super().connection_made(cast(asyncio.Transport, transport))
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Wait for the rest of a head, if it is not all there."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._unwatch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._unwatch()
        elif self._limit is None:
            self._limit = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _unwatch(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _give_up(self) -> None:
        self._limit = None
        if self.conn.their_state is h11.IDLE:
            self.transport.close()


def _check_certificate(settings: WebSettings) -> None:
    """Say before anything is started that HTTPS is not possible.  Raises SettingsError."""
    if not settings.tls_cert:
        return
    import ssl  # only here: it costs memory

    def no_password() -> str:
        raise SettingsError(f"{TLS_KEY.name}: a key without a password is needed")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key, no_password)
    except OSError as error:  # ssl.SSLError is one
        raise SettingsError(
            f"{TLS_CERT.name}, {TLS_KEY.name}: they cannot be used: {error.strerror or error}"
        ) from None


def listen(host: str, port: int) -> socket.socket:
    """A listening socket whose connections send at once, and end when their peer is gone.

    Raises OSError.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=128)
    # Accepted sockets inherit all of it.  asyncio would have them send at once only if this one had
    # been made for TCP in so many words; without, the end of an answer waits 40 ms for its peer.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        milliseconds = DEAD_PEER_SECONDS * 1000
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
    return listener
