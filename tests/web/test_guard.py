"""Which requests come in, and the headers every answer leaves with."""

from __future__ import annotations

import socket

import httpx
import pytest
from starlette.responses import PlainTextResponse

from tests.web.conftest import PageServer
from web.guard import SECURITY_HEADERS, Guard
from web.settings import WebSettings, read_settings
from wire.settings import SettingsError


def settings(**changes: str) -> WebSettings:
    return read_settings({"NEEDLE_ALLOWED_HOSTS": "needle.example.org", **changes})


@pytest.fixture
def door() -> Guard:
    return Guard(PlainTextResponse("in"), settings())


async def _ask(door: Guard, method: str, headers: dict[str, str]) -> int:
    transport = httpx.ASGITransport(app=door)
    async with httpx.AsyncClient(transport=transport, base_url="http://pi:8787") as client:
        return (await client.request(method, "/", headers=headers)).status_code


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8787", 200),
        ("192.168.1.20:8787", 200),
        ("[fd00::1]:8787", 200),
        ("[::1]", 200),
        ("localhost:8787", 200),
        ("pi", 200),
        ("PI.Local:8787", 200),
        ("needle.example.org", 200),
        ("evil.example:8787", 421),
        ("evil.local.example", 421),
        ("needle.example.org.evil.example", 421),
        ("", 421),
        ("[bad", 421),
        (":8787", 421),
        ("pi.", 200),
        ("pi.local.:8787", 200),
        ("evil.example.", 421),
        ("[::1]evil.example", 421),
        ("[dead]", 421),
        ("[192.168.1.20]", 421),
        ("evil.example@pi", 421),
        ("pi@evil.example", 421),
        ("evil.example/.lan", 421),
        ("evil.example#.lan", 421),
        ("pi,evil.example", 421),
        ("pi evil.example", 421),
        ("pi:x", 421),
        ("pi:99999", 421),
        ("192.168.1", 421),
    ],
)
async def test_only_our_hosts_come_in(door: Guard, host: str, status: int) -> None:
    assert await _ask(door, "GET", {"Host": host}) == status


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Cookie": "needle_session=x"}, 403),
        ({"Authorization": "Basic eDp5"}, 403),
        ({"Authorization": "Bearer needle_x"}, 200),
        ({"Origin": "http://pi:8787"}, 200),
        ({"Origin": "http://PI:8787"}, 200),
        ({"Origin": "http://pi"}, 403),
        ({"Origin": "http://pi:3000"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://pi:8787@evil.example"}, 403),
        ({"Origin": "http://evil@pi:8787"}, 403),
        ({"Origin": "http://pi:8787.evil.example"}, 403),
        ({"Origin": "chrome-extension://pi:8787"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://pi:8787"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://pi:3000"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
async def test_other_sites_change_nothing(
    door: Guard, headers: dict[str, str], status: int
) -> None:
    assert await _ask(door, "POST", {"Host": "pi:8787", **headers}) == status
    assert await _ask(door, "GET", {"Host": "pi:8787", **headers}) == 200


@pytest.mark.parametrize(
    "path", ["/", "/static/app.css", "/nothing", "/api/v1/scans", "/api/v1/nothing", "/scans/x"]
)
def test_every_answer_carries_the_headers(http: httpx.Client, path: str) -> None:
    headers = http.get(path).headers
    for name, value in SECURITY_HEADERS.items():
        if name != "Cache-Control":
            assert headers[name] == value
    assert headers["Cache-Control"]
    assert "server" not in headers


def test_refusals_carry_the_headers(http: httpx.Client) -> None:
    answer = http.get("/", headers={"Host": "evil.example"})
    assert answer.status_code == 421
    assert answer.headers["Content-Security-Policy"]
    answer = http.post("/api/v1/scans", headers={"Host": "evil.example"})
    assert answer.json()["error"]["code"] == "unknown_host"


@pytest.mark.parametrize(
    ("path", "allowed"), [("/scans", "GET, HEAD, POST"), ("/static/app.css", "GET, HEAD")]
)
def test_other_methods_are_told_which_there_are(
    http: httpx.Client, path: str, allowed: str
) -> None:
    for method in ("OPTIONS", "TRACE"):
        answer = http.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_two_hosts_are_refused(page: PageServer) -> None:
    with socket.create_connection(("127.0.0.1", page.port), timeout=10) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
        assert peer.recv(100).split()[1] in (b"400", b"421")


def test_absurd_length_is_refused(page: PageServer) -> None:
    with socket.create_connection(("127.0.0.1", page.port), timeout=10) as peer:
        head = b"POST /scans HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n"
        peer.sendall(head)
        assert peer.recv(100).split()[1] == b"413"


@pytest.mark.anyio
async def test_programs_need_no_token_where_nobody_signs_in() -> None:
    door = Guard(PlainTextResponse("in"), settings(NEEDLE_AUTH="off"))
    assert await _ask(door, "POST", {"Host": "pi:8787"}) == 200
    assert await _ask(door, "POST", {"Host": "pi:8787", "Origin": "http://evil.example"}) == 403


@pytest.mark.anyio
async def test_public_address_is_ours() -> None:
    door = Guard(PlainTextResponse("in"), settings(NEEDLE_PUBLIC_URL="https://music.example.org"))
    assert await _ask(door, "GET", {"Host": "music.example.org"}) == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "pi.local"])  # noqa: S104 - refused
def test_sign_in_cannot_be_off_for_others(host: str) -> None:
    with pytest.raises(SettingsError, match="NEEDLE_AUTH=off"):
        read_settings({"NEEDLE_HOST": host, "NEEDLE_AUTH": "off"})
    assert read_settings({"NEEDLE_HOST": host}).auth


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_sign_in_can_be_off_on_loopback(host: str) -> None:
    assert not read_settings({"NEEDLE_HOST": host, "NEEDLE_AUTH": "off"}).auth
