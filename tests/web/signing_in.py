"""A page on which people sign in, and the people: nobody, a viewer, an operator, the terminal.

For tests that are about access.  All others use a page without sign-in (`tests.web.conftest`).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import redis

from tests.web.conftest import PageServer, page_server
from web.vault import read_operator_token


@dataclass
class Door:
    """A page with sign-in on, and its data folder."""

    page: PageServer
    data: Path

    @property
    def url(self) -> str:
        return self.page.url

    @property
    def log(self) -> str:
        return self.page.log.read_text()

    def terminal(self) -> httpx.Client:
        """What the command `needle` is: it brings the operator token of the data folder."""
        return self.program(read_operator_token(self.data))

    def program(self, token: str) -> httpx.Client:
        """A program with a token."""
        return self.page.client(headers={"Authorization": f"Bearer {token}"})

    def token(self, scope: str) -> str:
        """A new API token."""
        with self.terminal() as http:
            return str(http.post("/api/v1/tokens", json={"scope": scope}).json()["token"])

    def code(self, role: str = "operator") -> str:
        """A new one-time code."""
        with self.terminal() as http:
            path = http.post("/api/v1/login-links", json={"role": role}).json()["path"]
        return parse_qs(urlsplit(path).query)["c"][0]

    def stranger(self, **headers: str) -> httpx.Client:
        """A browser that has not signed in.  An address of its own: attempts are counted."""
        address = f"10.{secrets.randbelow(250)}.{secrets.randbelow(250)}.{secrets.randbelow(250)}"
        sent = {"Origin": self.url, "X-Forwarded-For": address, "User-Agent": "Firefox/1 Android"}
        return self.page.client(headers={**sent, **headers})

    @contextmanager
    def browser(self, role: str = "operator") -> Iterator[httpx.Client]:
        """A browser that has signed in."""
        with self.stranger() as http:
            answer = http.post("/login", data={"c": self.code(role)})
            assert answer.status_code == 303, answer.text
            yield http


@contextmanager
def door(redis_url: str, folder: Path, **settings: str) -> Iterator[Door]:
    """A page with sign-in on; its secrets lie in `folder`/data."""
    data = folder / "data"
    settings = {"NEEDLE_AUTH": "on", "NEEDLE_DATA": str(data), **settings}
    with page_server(redis_url, folder, **settings) as page:
        yield Door(page, data)


def activity(client: redis.Redis) -> str:
    """The whole list of activity, as it lies in Redis."""
    return str(client.xrange("needle:activity"))
