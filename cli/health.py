"""Whether a part answers: asked by `needle up`, and as `python -m cli.health` by containers."""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import Any

from cli.resp import Connection, RedisRefusalError, RedisUnavailableError
from web.settings import PORT, TLS_CERT
from wire.keys import Keys
from wire.settings import SettingsError, read, read_shared
from worker.settings import WORKER_NAME

TIMEOUT_SECONDS = 2.0


def page_answers(host: str, port: int, *, tls: bool = False) -> bool:
    """Whether the web server is healthy."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not bound to
    request = b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n"
    try:
        plain = socket.create_connection((here, port), TIMEOUT_SECONDS)
        with _wrapped(plain) if tls else plain as sock:
            sock.sendall(request)
            return sock.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False


def _wrapped(sock: socket.socket) -> socket.socket:
    """TLS with whatever certificate: nothing secret is sent, and no answer is believed."""
    import ssl  # only here: it costs memory

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(sock)


def worker_beats(redis_url: str, keys: Keys, **expected: object) -> bool:
    """Whether a living worker's beat has the `expected` fields, such as its pid."""
    try:
        with Connection(redis_url) as redis:
            names = redis.command("ZRANGE", keys.workers, "0", "-1")
            for name in names if isinstance(names, list) else ():
                beat = _object(redis.command("GET", keys.worker(_text(name))))
                if beat and all(beat.get(key) == value for key, value in expected.items()):
                    return True
    except (RedisUnavailableError, RedisRefusalError):
        return False
    return False


def watcher_beats(redis_url: str, keys: Keys, **expected: object) -> bool:
    """Whether the watcher's status has the `expected` fields, such as its pid."""
    try:
        with Connection(redis_url) as redis:
            status = _object(redis.command("GET", keys.watch))
    except (RedisUnavailableError, RedisRefusalError):
        return False
    return bool(status) and all(status.get(key) == value for key, value in expected.items())


def main() -> int:
    """Exit code 0 when the part named on the command line is healthy: web, worker or watcher."""
    try:
        if sys.argv[1:] == ["web"]:
            return 0 if page_answers("127.0.0.1", int(read(PORT)), tls=bool(read(TLS_CERT))) else 1
        shared, node = read_shared(), f"{read(WORKER_NAME)}@{socket.gethostname()}"
    except (SettingsError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    if sys.argv[1:] == ["watcher"]:
        return 0 if watcher_beats(shared.redis_url, Keys(shared.key_prefix)) else 1
    return 0 if worker_beats(shared.redis_url, Keys(shared.key_prefix), worker=node) else 1


def _text(reply: object) -> str:
    return os.fsdecode(reply) if isinstance(reply, bytes) else ""


def _object(reply: object) -> dict[str, Any]:
    """The JSON object in a reply, an empty one when there is none."""
    try:
        document = json.loads(reply) if isinstance(reply, bytes) else None
    except (ValueError, RecursionError):
        document = None
    return document if isinstance(document, dict) else {}


if __name__ == "__main__":
    sys.exit(main())
