"""The page as a process of its own, on loopback, with a music folder.

Nobody signs in here (NEEDLE_AUTH=off): whoever asks is an operator.  What is about signing in,
roles or tokens uses `tests.web.signing_in`, whose page has it on.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import redis

from tests.servers import ValkeyServer, free_port, wait_until
from tests.web.records import KEYS
from wire.roots import Root, make_root


@dataclass
class PageServer:
    """A running `python -m web`."""

    process: subprocess.Popen[bytes]
    port: int
    music: Path
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def root(self) -> Root:
        return make_root(str(self.music))

    def client(self, **options: object) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=20, **options)  # type: ignore[arg-type]

    def answers(self) -> bool:
        try:
            return httpx.get(self.url + "/healthz").status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def page_server(redis_url: str, folder: Path, **settings: str) -> Iterator[PageServer]:
    """A page of `redis_url`, with `folder`/music to scan, ended afterwards."""
    music = folder / "music"
    (music / "Björk").mkdir(parents=True, exist_ok=True)
    port, log = free_port(), folder / "web.log"
    environ = {
        **{k: v for k, v in os.environ.items() if not k.startswith("NEEDLE_")},
        "NEEDLE_REDIS_URL": redis_url,
        "NEEDLE_MUSIC": str(music),
        "NEEDLE_PORT": str(port),
        "NEEDLE_AUTH": "off",
        # A test may be many browsers: it says in X-Forwarded-For which one.
        "NEEDLE_TRUSTED_PROXIES": "127.0.0.1",
        **settings,
    }
    with log.open("wb") as out:
        command = [sys.executable, "-m", "web"]
        process = subprocess.Popen(command, env=environ, stdout=out, stderr=out)
    server = PageServer(process, port, music, log)
    try:
        wait_until(server.answers, what="the page answers")
        yield server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


@pytest.fixture(scope="session")
def shared_page(
    valkey_server: ValkeyServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PageServer]:
    with valkey_server.client() as client:  # else the epoch of the first test is no other one
        client.set(KEYS.epoch, secrets.token_hex(8))
    with page_server(valkey_server.url, tmp_path_factory.mktemp("page")) as server:
        yield server


@pytest.fixture
def page(shared_page: PageServer, redis_client: redis.Redis) -> PageServer:
    """A page whose Redis was emptied a moment ago; it notices by the epoch, as ever."""
    redis_client.set(KEYS.epoch, secrets.token_hex(8))
    return shared_page


@pytest.fixture
def http(page: PageServer) -> Iterator[httpx.Client]:
    with page.client() as client:
        yield client


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
