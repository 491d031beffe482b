"""A few commands to Redis over a plain socket, for `needle up`, whose process must stay small.

redis-py alone would double its memory.  Only what is needed here: no pool, no retry, RESP2.
"""

from __future__ import annotations

import socket
from contextlib import ExitStack
from types import TracebackType
from typing import IO
from urllib.parse import parse_qs, unquote, urlsplit

Reply = bytes | int | None | list["Reply"]


class RedisUnavailableError(Exception):
    """No server there, or it is not ready, or not a Redis."""


class RedisRefusalError(Exception):
    """The server answered with an error, such as NOAUTH or WRONGPASS."""


class Connection:
    """One connection, to be used in a `with` block.

    Raises:
        RedisUnavailableError, RedisRefusalError: on entering and by `command`.
    """

    def __init__(self, url: str, *, timeout_seconds: float = 2.0) -> None:
        self._url = url
        self._timeout = timeout_seconds
        self._stack = ExitStack()
        self._socket: socket.socket
        self._file: IO[bytes]

    def __enter__(self) -> Connection:
        parts = urlsplit(self._url)
        options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        local = parts.scheme in ("unix", "redis+socket")
        try:
            self._socket = self._stack.enter_context(
                self._unix(unquote(parts.path)) if local else self._tcp()
            )
            self._file = self._stack.enter_context(self._socket.makefile("rb"))
            password = unquote(parts.password or "") or options.get("password", "")
            if password:
                user = unquote(parts.username or "")
                self.command("AUTH", *([user] if user else []), password)
            default = "0" if local else parts.path.strip("/")
            database = options.get("db") or options.get("virtual_host", "").strip("/") or default
            if database not in ("", "0"):
                self.command("SELECT", database)
        except (OSError, ValueError) as error:
            self._stack.close()
            raise RedisUnavailableError(_reason(error)) from None
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def command(self, *words: str) -> Reply:
        """The server's reply.  Status replies and strings are bytes."""
        data = [word.encode() for word in words]
        frame = b"*%d\r\n" % len(data) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in data)
        try:
            self._socket.sendall(frame)
            return self._read()
        except (OSError, ValueError) as error:
            raise RedisUnavailableError(_reason(error)) from None

    def _unix(self, path: str) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.settimeout(self._timeout)
            sock.connect(path)
        except BaseException:
            sock.close()
            raise
        return sock

    def _tcp(self) -> socket.socket:
        parts = urlsplit(self._url)
        host = parts.hostname or "127.0.0.1"
        sock = socket.create_connection((host, parts.port or 6379), self._timeout)
        if parts.scheme != "rediss":
            return sock
        import ssl  # only here: it costs memory

        context = ssl.create_default_context()
        if parse_qs(parts.query).get("ssl_cert_reqs", ["required"])[-1].lower().endswith("none"):
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(sock, server_hostname=host)

    def _read(self) -> Reply:
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise RedisUnavailableError("the connection was closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            raise RedisRefusalError(rest.decode("utf-8", "replace"))
        if kind not in b":$*":
            raise RedisUnavailableError("this is not a Redis server")
        number = int(rest)
        if kind == b":":
            return number
        if number < 0:
            return None
        if kind == b"*":
            return [self._read() for _ in range(number)]
        return self._file.read(number + 2)[:-2]


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
