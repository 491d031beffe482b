"""Attackers in the local network: one who has not signed in, one who may look, one with a proxy.

Whatever they try, nothing changes, nothing is told, and the page goes on.
"""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections.abc import Iterator

import httpx
import pytest
import redis

from tests.servers import ValkeyServer, wait_until
from tests.web.records import publish_scan
from tests.web.signing_in import Door, activity, door
from web.access import TABLE, Access
from web.attempts import A_MINUTE, A_MINUTE_AN_ADDRESS, WINDOW_SECONDS, Attempts
from web.guard import MAX_BODY_BYTES
from web.proxies import behind_proxies
from web.server import HEAD_SECONDS
from web.settings import read_settings

LINES = sorted(TABLE)
#: What a form of the page, or a program, would send; more than any route needs.
FORM = {"mode": "full", "expected": "0", "id": "x", "seconds": "3600", "args": "2000"}


@pytest.fixture(scope="module")
def house(valkey_server: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with door(valkey_server.url, tmp_path_factory.mktemp("door")) as opened:
        yield opened


@pytest.fixture
def inside(house: Door, redis_client: redis.Redis) -> Door:
    """The house with a scan in it, its Redis emptied before."""
    publish_scan(redis_client)
    return house


def request(http: httpx.Client, line: str, **headers: str) -> httpx.Response:
    """Try a line of the table."""
    method, path = line.split(" ")
    path = re.sub(r"\{\w+\}", "20261121T010203-000001", path)
    path += "/app.css" if path == "/static" else ""
    if path.startswith("/api/"):
        return http.request(method, path, headers=headers, json=FORM if method != "GET" else None)
    return http.request(method, path, headers=headers, data=FORM if method != "GET" else None)


def held(client: redis.Redis) -> dict[bytes, bytes]:
    """What lies in Redis, but for the alerts, which the page itself keeps up to date."""
    keys = [key for key in client.keys("*") if not key.startswith(b"needle:alert")]
    return {key: client.dump(key) or b"" for key in keys}


def refused(needs: Access, line: str) -> int:
    """What somebody is answered who has not signed in."""
    is_page = line.startswith("GET ") and not line.startswith(("GET /api/", "GET /events"))
    return 303 if is_page and line != "GET /metrics" else 401


@pytest.mark.parametrize("line", LINES)
def test_nobody_gets_anything(inside: Door, redis_client: redis.Redis, line: str) -> None:
    needs = TABLE[line]
    before = held(redis_client)
    with inside.stranger(Cookie="needle_session=" + "x" * 43) as http:
        answer = request(http, line)
        if needs is Access.PUBLIC:
            assert answer.status_code not in (401, 500)
        else:
            assert answer.status_code == refused(needs, line)
            assert "/music" not in answer.text
        forged = request(http, line, Authorization="Bearer needle_" + "A" * 43)
        if needs is not Access.PUBLIC:
            assert forged.status_code == refused(needs, line)
    assert held(redis_client) == before


@pytest.mark.parametrize("line", [line for line in LINES if TABLE[line] > Access.VIEWER])
def test_viewer_changes_nothing(
    viewer: httpx.Client, reader: httpx.Client, redis_client: redis.Redis, line: str
) -> None:
    before = activity(redis_client)
    for http in (viewer, reader):
        answer = request(http, line)
        assert answer.status_code == 403, (line, answer.text)
    assert activity(redis_client) == before


@pytest.mark.parametrize("line", [line for line in LINES if TABLE[line] == Access.OWNER])
def test_operator_makes_no_others(inside: Door, line: str) -> None:
    with inside.browser() as operator, inside.program(inside.token("operate")) as program:
        for http in (operator, program):
            answer = request(http, line)
            assert answer.status_code == 403
            assert answer.json()["error"]["code"] == "terminal_needed"


@pytest.fixture
def viewer(inside: Door) -> Iterator[httpx.Client]:
    with inside.browser("viewer") as http:
        yield http


@pytest.fixture
def reader(inside: Door) -> Iterator[httpx.Client]:
    with inside.program(inside.token("read")) as http:
        yield http


def test_viewer_sees_everything_but_no_control(viewer: httpx.Client) -> None:
    page = viewer.get("/").text
    assert "Stop…" not in page
    assert set(re.findall(r'<form method="post" action="([^"]+)"', page)) == {
        "/logout",
        "/language",
    }
    with viewer.stream("GET", "/events") as stream:
        first = "".join(next(stream.iter_text()) for _ in range(1))
    assert "<form" not in first


@pytest.mark.parametrize(
    "line",
    [
        line
        for line in LINES
        if re.match(r"GET /(?!api|events|metrics|static|healthz|readyz)", line)
    ],
)
def test_viewer_is_shown_no_form_that_changes_something(viewer: httpx.Client, line: str) -> None:
    answer = request(viewer, line)
    forms = re.findall(r'<form[^>]* method="post"[^>]*>', answer.text)
    actions = {re.sub(r'.*action="([^"]*)".*', r"\1", form) for form in forms}
    assert actions <= {"/logout", "/language", "/theme", "/login"}, answer.status_code
    assert 'formaction="' not in answer.text
    assert "hx-post" not in answer.text


def test_metrics_are_open_to_configured_networks(
    valkey_server: ValkeyServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    networks = {"NEEDLE_METRICS_NETWORKS": "192.0.2.0/24"}
    folder = tmp_path_factory.mktemp("metrics")
    with door(valkey_server.url, folder, **networks) as house:
        with house.stranger(**{"X-Forwarded-For": "192.0.2.5"}) as prometheus:
            assert prometheus.get("/metrics").status_code == 200
            assert prometheus.get("/api/v1/status").status_code == 401
        with house.stranger(**{"X-Forwarded-For": "192.0.3.5"}) as other:
            assert other.get("/metrics").status_code == 401
        with house.program(house.token("read")) as program:
            assert program.get("/metrics").status_code == 200


def test_changes_need_an_origin_or_a_token(inside: Door) -> None:
    scan = "/scans/20261121T010203-000001/stop"
    with inside.browser() as http:
        session = {"Cookie": f"needle_session={http.cookies['needle_session']}"}
    with inside.page.client(headers=session) as bare:
        for headers in (
            {},
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": inside.url, "Sec-Fetch-Site": "cross-site"},
            {"Origin": f"{inside.url}0"},
            {"Origin": "http://127.0.0.1"},
            {"Authorization": "Basic eDp5", "Origin": inside.url, "Sec-Fetch-Site": "same-site"},
        ):
            assert bare.post(scan, headers=headers).status_code == 403, headers
        # A token that is none does not fall back to the cookie.
        wrong = {"Authorization": "Bearer wrong"}
        assert bare.post(scan, headers=wrong).status_code == 401
        assert bare.post(scan, headers={"Origin": inside.url}).status_code == 303


def test_codes_cannot_be_tried_out(inside: Door) -> None:
    with inside.stranger() as http:
        texts = set()
        for attempt in range(A_MINUTE_AN_ADDRESS):
            answer = http.post("/login", data={"c": "x" * attempt})
            assert answer.status_code == 403
            texts.add(answer.text)
        assert len(texts) == 1
        # Neither a wrong code nor a right one is looked at any more.
        right = inside.code()
        for code in ("y", right):
            answer = http.post("/login", data={"c": code})
            assert answer.status_code == 429
            assert 0 < int(answer.headers["retry-after"]) <= WINDOW_SECONDS
        assert "needle_session" not in http.cookies
    with inside.stranger() as other:
        assert other.post("/login", data={"c": right}).status_code == 303


def test_attempts_are_counted_by_address_and_altogether() -> None:
    now = [0.0]
    attempts = Attempts(lambda: now[0])
    for _ in range(A_MINUTE_AN_ADDRESS):
        assert attempts.wait_seconds("one") == 0
    assert attempts.wait_seconds("one") == WINDOW_SECONDS
    others = [f"other {number}" for number in range(A_MINUTE)]
    accepted = [who for who in others if not attempts.wait_seconds(who)]
    assert len(accepted) == A_MINUTE - A_MINUTE_AN_ADDRESS
    now[0] = WINDOW_SECONDS
    assert attempts.wait_seconds("one") == 0
    attempts.forgive("one")
    attempts.forgive("nobody")
    for _ in range(A_MINUTE_AN_ADDRESS):
        assert attempts.wait_seconds("one") == 0
    assert attempts.wait_seconds("one") == WINDOW_SECONDS


def test_proxy_headers_of_strangers_are_ignored(
    valkey_server: ValkeyServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("untrusted")
    with door(valkey_server.url, folder, NEEDLE_TRUSTED_PROXIES="") as house:
        for number in range(A_MINUTE_AN_ADDRESS):
            lies = {
                "X-Forwarded-For": f"192.0.2.{number}",
                "X-Real-IP": f"192.0.2.{number}",
                "Forwarded": f"for=192.0.2.{number};proto=https",
                "X-Forwarded-Proto": "https",
                "Remote-User": "admin",
                "X-Forwarded-User": "admin",
            }
            with house.stranger(**lies) as http:
                assert http.post("/login", data={"c": "x"}).status_code == 403
                assert http.get("/").status_code == 303
        with house.stranger() as http:
            assert http.post("/login", data={"c": "x"}).status_code == 429


@pytest.mark.parametrize(
    ("said", "believed"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("6.6.6.6, 192.0.2.7", "192.0.2.7"),
        ("6.6.6.6, 192.0.2.7, 127.0.0.1", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("<script>", "127.0.0.1"),
        ("6.6.6.6, unknown", "127.0.0.1"),
        (", ".join(["192.0.2.7"] + ["127.0.0.1"] * 90), "127.0.0.1"),
    ],
)
def test_last_address_that_is_no_proxy_counts(said: str, believed: str) -> None:
    networks = read_settings({"NEEDLE_TRUSTED_PROXIES": "127.0.0.1"}).trusted_proxies
    headers = [(b"x-forwarded-for", said.encode()), (b"x-forwarded-proto", b"http, https")]
    scope = {"type": "http", "scheme": "http", "headers": headers, "client": ("127.0.0.1", 1)}
    seen = behind_proxies(scope, networks)
    assert (seen["client"], seen["scheme"], seen["headers"]) == ((believed, 1), "https", [])
    stranger = behind_proxies({**scope, "client": ("192.0.2.9", 1)}, networks)
    assert (stranger["client"][0], stranger["scheme"]) == ("192.0.2.9", "http")
    assert stranger["headers"] == []


RAW = {
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nmode=",
    "length and chunks": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET ",
    "odd chunks": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "space before the colon": b"Content-Length : 5\r\n\r\nmode=",
    "folded header": b"X-A: 1\r\n Host: evil.example\r\nContent-Length: 0\r\n\r\n",
    "negative length": b"Content-Length: -1\r\n\r\n",
    "two authorizations": b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"
    b"Content-Length: 0\r\n\r\n",
    "NUL": b"X-A: \x00\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("rest", RAW.values(), ids=RAW)
def test_ambiguous_requests_are_refused(inside: Door, rest: bytes) -> None:
    answer = _raw(
        inside, b"POST /theme HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n" + rest
    )
    assert answer.split()[1] in (b"400", b"413", b"422"), answer
    # What came behind it was not taken for another request.
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "path",
    [
        "/static/../web/settings.py",
        "/static/%2e%2e/settings.py",
        "/static/..%2f..%2fsettings.py",
        "/static/....//settings.py",
        "/static/%5c..%5csettings.py",
        "/static//etc/passwd",
        "/static/vendor/../../app.py",
        "/static/%00app.css",
        "/scans/..%2f..%2f",
        "/library/albums/..%2f1",
    ],
)
def test_paths_lead_nowhere_else(inside: Door, path: str) -> None:
    answer = _raw(inside, f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
    assert answer.split()[1] in (b"303", b"404", b"400"), answer
    assert b"import" not in answer
    assert b"root:" not in answer


def test_large_and_slow_bodies_are_cut_off(inside: Door) -> None:
    with inside.stranger() as http:
        assert http.post("/login", content=b"c=" + b"x" * MAX_BODY_BYTES).status_code == 413

        def endless() -> Iterator[bytes]:
            while True:
                yield b"x" * 8192

        with contextlib.suppress(httpx.TransportError):  # it may be cut off in mid-sentence
            assert http.post("/login", content=endless()).status_code == 413
    head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n"
    head += b"Content-Length: 9\r\n\r\n"
    began = time.monotonic()
    assert _raw(inside, head + b"c").split()[1] == b"408"
    assert time.monotonic() - began < 20
    with inside.stranger() as http:
        assert http.get("/healthz").status_code == 200


def test_who_does_not_say_what_he_wants_is_hung_up_on(inside: Door) -> None:
    """Otherwise a few hundred connections would keep everybody else out for good."""
    said = (b"", b"GET / HTTP/1.1\r\nHost: loc", b"GET / HTTP/1.1\r\nX-Drip: ")
    with contextlib.ExitStack() as stack:
        silent, stuck, dripping = [stack.enter_context(_connected(inside)) for _ in said]
        for peer, head in zip((silent, stuck, dripping), said, strict=True):
            peer.sendall(head)
        dripping.settimeout(0.5)
        until = time.monotonic() + 3 * HEAD_SECONDS
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < until:
                with contextlib.suppress(TimeoutError):
                    if not dripping.recv(100):
                        break
                dripping.sendall(b"x")
        assert time.monotonic() < until
        assert silent.recv(100) == stuck.recv(100) == b""


def test_public_answers_tell_nothing(inside: Door, redis_client: redis.Redis) -> None:
    with inside.stranger() as nobody, inside.browser("viewer") as somebody:
        assert nobody.get("/healthz").json() == {"status": "ok"}
        assert nobody.get("/readyz").json() == {"status": "not ready", "reasons": []}
        wait_until(lambda: somebody.get("/readyz").json()["reasons"], what="a reason is told")
        for path in ("/login", "/nothing", "/login?c=x"):
            text = nobody.get(path).text
            assert "/music" not in text
            assert str(inside.data) not in text


def _raw(inside: Door, request: bytes) -> bytes:
    """Everything that is answered to bytes on the wire."""
    with _connected(inside) as peer:
        peer.sendall(request)
        answer = b""
        try:
            while chunk := peer.recv(65536):
                answer += chunk
                if b"\r\n\r\n" in answer and b"Connection: close" not in answer.title():
                    peer.settimeout(0.5)
        except TimeoutError:
            pass
        return answer


def _connected(inside: Door) -> socket.socket:
    return socket.create_connection(("127.0.0.1", inside.page.port), timeout=15)
