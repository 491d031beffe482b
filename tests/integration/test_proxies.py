"""Behind nginx and behind Caddy, both with gzip: signing in, live pages, and what is believed."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.integration.proxies import ReverseProxy, reverse_proxy
from tests.servers import ValkeyServer
from tests.web.signing_in import Door, door

#: The browser's own address: on Linux all of 127.0.0.0/8 is this machine.
BROWSER = "127.0.0.2"


@pytest.fixture(scope="module")
def house(valkey_server: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with door(valkey_server.url, tmp_path_factory.mktemp("door")) as opened:
        yield opened


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def proxy(
    request: pytest.FixtureRequest, house: Door, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ReverseProxy]:
    folder = tmp_path_factory.mktemp(request.param)
    with reverse_proxy(request.param, house.page.port, folder) as running:
        yield running


def browser(proxy: ReverseProxy, url: str, **headers: str) -> httpx.Client:
    """A browser at an address of its own, which knows the proxy's certificate."""
    context = ssl.create_default_context(cafile=str(proxy.certificate))
    return httpx.Client(
        base_url=url,
        transport=httpx.HTTPTransport(local_address=BROWSER, verify=context),
        headers={"Origin": url, "Accept-Encoding": "gzip", **headers},
        timeout=20,
    )


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_sign_in_works_and_is_compressed(house: Door, proxy: ReverseProxy, scheme: str) -> None:
    url = getattr(proxy, scheme)
    with browser(proxy, url) as http:
        assert http.get("/").headers["location"] == "/login"
        answer = http.post("/login", data={"c": house.code()})
        assert answer.status_code == 303
        assert ("Secure" in answer.headers["set-cookie"]) == (scheme == "https")
        page = http.get("/")
        assert page.status_code == 200
        assert page.headers["content-encoding"] == "gzip"
        assert "/logout" in page.text


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_live_page_is_not_held_back(house: Door, proxy: ReverseProxy, scheme: str) -> None:
    with browser(proxy, getattr(proxy, scheme)) as http:
        assert http.post("/login", data={"c": house.code("viewer")}).status_code == 303
        began = time.monotonic()
        with http.stream("GET", "/events") as stream:
            assert stream.headers.get("content-encoding") != "gzip"
            lines = stream.iter_lines()
            for _ in range(2):  # the first message, then the sign of life
                assert any(line.startswith("id:") for line in lines)
        assert time.monotonic() - began < 15


def test_who_signs_in_cannot_lie_about_the_address(house: Door, proxy: ReverseProxy) -> None:
    lies = {"X-Forwarded-For": "6.6.6.6", "X-Real-IP": "6.6.6.6", "Forwarded": "for=6.6.6.6"}
    with browser(proxy, proxy.http, **lies) as http, house.terminal() as terminal:
        assert http.post("/login", data={"c": house.code()}).status_code == 303
        newest = terminal.get("/api/v1/sessions").json()["sessions"][0]
        assert newest["address"] == BROWSER


def test_plain_http_cannot_be_called_https(house: Door, proxy: ReverseProxy) -> None:
    with browser(proxy, proxy.http, **{"X-Forwarded-Proto": "https"}) as http:
        answer = http.post("/login", data={"c": house.code()})
        assert "Secure" not in answer.headers["set-cookie"]


def test_other_sites_are_refused_behind_it(house: Door, proxy: ReverseProxy) -> None:
    with browser(proxy, proxy.https) as http:
        assert http.post("/login", data={"c": house.code()}).status_code == 303
        for origin in ("https://evil.example", "null", house.url):
            answer = http.post("/scans", data={"mode": "full"}, headers={"Origin": origin})
            assert answer.status_code == 403
        assert "/logout" not in http.get("/", headers={"Host": "evil.example"}).text


def test_nothing_is_smuggled_past_it(proxy: ReverseProxy) -> None:
    """Two requests in one, by a length and chunks that disagree: one answer, and no second."""
    parts = urlsplit(proxy.http)
    hidden = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    body = b"0\r\n\r\n" + hidden
    head = (
        f"POST /theme HTTP/1.1\r\nHost: {parts.netloc}\r\nOrigin: {proxy.http}\r\n"
        f"Content-Length: {len(body)}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as peer:
        peer.sendall(head.encode() + body)
        answer = b""
        while chunk := peer.recv(65536):
            answer += chunk
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert b'"status":"ok"' not in answer
