"""The real web application on loopback, and a wire between it and the browser that can break."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from sse_starlette.sse import AppStatus

from tests.servers import free_port, wait_until
from web.app import create_app
from web.settings import WebSettings, read_settings

BUFFER_BYTES = 65536


def settings(redis_url: str, prefix: str, music: str | Path, **more: str) -> WebSettings:
    """What the environment of a web process would say: without sign-in, unless `more` says so."""
    return read_settings(
        {
            "NEEDLE_REDIS_URL": redis_url,
            "NEEDLE_KEY_PREFIX": prefix,
            "NEEDLE_MUSIC": str(music),
            "NEEDLE_TIMEZONE": "Europe/Paris",
            "NEEDLE_AUTH": "off",
            **more,
        }
    )


class Site:
    """One web process (a thread of the test), which can be stopped and started again."""

    def __init__(self, web: WebSettings) -> None:
        self._settings, self.port = web, free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        config = uvicorn.Config(
            create_app(self._settings),
            host="127.0.0.1",
            port=self.port,
            log_config=None,
            timeout_graceful_shutdown=2,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="web")
        self._thread.start()
        wait_until(lambda: self._server.started, what="the page's server has started")

    def stop(self) -> None:
        # A thread gets no signals: say what sse-starlette would have heard of SIGTERM.
        AppStatus.should_exit = self._server.should_exit = True
        self._thread.join(15)
        AppStatus.should_exit = False
        assert not self._thread.is_alive(), "the page's server did not stop"


@contextlib.contextmanager
def serving(web: WebSettings) -> Iterator[Site]:
    """A site that answers."""
    site = Site(web)
    site.start()
    try:
        yield site
    finally:
        site.stop()


class Proxy:
    """Forwards TCP; what it does with the stream of events can be changed while it runs.

    `events`: `pass` on, `refuse` (close when one is asked for), `hold` (take, deliver nothing).
    """

    def __init__(self, upstream_port: int) -> None:
        self.events = "pass"
        self.refused = 0
        self._upstream_port = upstream_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, name="proxy")]
        self._threads[0].start()

    def close(self) -> None:
        """End every connection and every thread."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(5)

    def cut(self) -> None:
        """End every connection, as when a cable is pulled and put back."""
        for connection in list(self._open):
            _end(connection)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._upstream_port))
                except OSError:
                    _end(client)
                    client.close()
                    continue
                self._open |= {client, server}
                flags = {"events": False}
                for source, target in ((client, server), (server, client)):
                    self._threads.append(
                        threading.Thread(target=self._pump, args=(source, target, client, flags))
                    )
                    self._threads[-1].start()

    def _pump(
        self,
        source: socket.socket,
        target: socket.socket,
        client: socket.socket,
        flags: dict[str, bool],
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(BUFFER_BYTES):
                if source is client:
                    flags["events"] = data.startswith(b"GET /events")
                    if flags["events"] and self.events == "refuse":
                        self.refused += 1
                        break
                elif flags["events"] and self.events == "hold":
                    continue
                target.sendall(data)
        _end(source)
        _end(target)
        source.close()
        self._open.discard(source)


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
