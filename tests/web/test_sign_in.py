"""Signing in and out: links that work once, sessions that end, and what is told of it."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis

from tests.servers import ValkeyServer, wait_until
from tests.web.records import publish_scan
from tests.web.signing_in import Door, activity, door
from web.login import safe_path
from web.sessions import FRESH_SECONDS
from web.vault import VaultError, new_token, open_vault, read_operator_token
from wire.keys import LOGIN_SECONDS, SESSION_SECONDS


@pytest.fixture(scope="module")
def house(valkey_server: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with door(valkey_server.url, tmp_path_factory.mktemp("door")) as opened:
        yield opened


@pytest.fixture
def inside(house: Door, redis_client: redis.Redis) -> Door:
    """The house, whose Redis was emptied: nobody is signed in."""
    return house


def test_link_shows_a_button_and_is_not_used_up_by_it(inside: Door) -> None:
    code = inside.code()
    with inside.stranger() as http:
        for _ in range(3):
            shown = http.get("/login", params={"c": code})
            assert shown.status_code == 200
            assert f'name="c" value="{code}"' in shown.text
            assert "needle_session" not in http.cookies
        assert http.post("/login", data={"c": code}).status_code == 303
        assert http.get("/").status_code == 200


def test_link_works_once(inside: Door) -> None:
    code = inside.code()
    with inside.stranger() as first, inside.stranger() as second:
        assert first.post("/login", data={"c": code}).status_code == 303
        answer = second.post("/login", data={"c": code})
        assert answer.status_code == 403
        assert "needle_session" not in second.cookies


def test_link_ends_after_ten_minutes(inside: Door, redis_client: redis.Redis) -> None:
    inside.code()
    [key] = redis_client.keys("needle:login:*")
    assert LOGIN_SECONDS - 5 <= redis_client.ttl(key) <= LOGIN_SECONDS == 600


def test_whole_link_may_be_pasted(inside: Door) -> None:
    with inside.stranger() as http:
        link = f"http://elsewhere:1/login?c={inside.code()}"
        assert http.post("/login", data={"c": f" {link}\n"}).status_code == 303


def test_cookie_is_kept_from_scripts_and_other_sites(inside: Door) -> None:
    with inside.stranger() as http:
        cookie = http.post("/login", data={"c": inside.code()}).headers["set-cookie"]
        assert cookie.startswith("needle_session=")
        for mark in ("HttpOnly", "SameSite=lax", "Path=/", f"Max-Age={SESSION_SECONDS}"):
            assert mark in cookie
        assert "Secure" not in cookie
        forwarded = {"X-Forwarded-Proto": "https"}  # by a proxy that is trusted
        answer = http.post("/login", data={"c": inside.code()}, headers=forwarded)
        assert "Secure" in answer.headers["set-cookie"]


def test_session_is_never_one_that_was_sent(inside: Door) -> None:
    """Fixation: a session that an attacker put into a browser is not signed in by it."""
    planted = "A" * 43
    with inside.stranger(Cookie=f"needle_session={planted}") as http:
        answer = http.post("/login", data={"c": inside.code()})
        assert answer.status_code == 303
        assert planted not in answer.headers["set-cookie"]
    with inside.stranger(Cookie=f"needle_session={planted}") as attacker:
        assert attacker.get("/").headers["location"] == "/login"


def test_signing_in_again_ends_the_session_before(inside: Door) -> None:
    with inside.browser("viewer") as http:
        before = http.cookies["needle_session"]
        assert http.post("/login", data={"c": inside.code()}).status_code == 303
    with inside.stranger(Cookie=f"needle_session={before}") as old:
        assert old.get("/").status_code == 303


def test_redis_holds_nothing_that_signs_in(inside: Door, redis_client: redis.Redis) -> None:
    with inside.browser() as http:
        value, code = http.cookies["needle_session"], inside.code()
    held = [str(redis_client.dump(key)) + str(key) for key in redis_client.keys("*")]
    assert held
    assert not [text for text in held if value in text or code in text]


@pytest.mark.parametrize("forged", [b"operator", "é".encode() * 70, b"\xff", b""])
def test_session_written_into_redis_is_none(
    inside: Door, redis_client: redis.Redis, forged: bytes
) -> None:
    with inside.browser("viewer") as http, inside.terminal() as terminal:
        [key] = redis_client.keys("needle:session:*")
        record = redis_client.get(key)
        assert record
        if forged == b"operator":
            forged = record.replace(b"viewer", forged)
        redis_client.set(key, forged)
        wait_until(
            lambda: http.get("/").status_code == 303,
            seconds=FRESH_SECONDS + 5,
            what="it is refused",
        )
        assert terminal.get("/api/v1/sessions").json() == {"sessions": []}


def test_link_written_into_redis_is_none(inside: Door, redis_client: redis.Redis) -> None:
    """Who may write Redis makes no operator of a viewer, nor a link for himself."""
    for forged in (b"operator", b"", b"\xff", b"0" * 64 + b"operator", None):
        code = inside.code("viewer")
        [key] = redis_client.keys("needle:login:*")
        sealed = redis_client.get(key)
        assert sealed
        redis_client.set(key, sealed.replace(b"viewer", b"operator") if forged is None else forged)
        with inside.stranger() as http:
            assert http.post("/login", data={"c": code}).status_code == 403


def test_session_slides_and_is_seen(inside: Door, redis_client: redis.Redis) -> None:
    with inside.browser() as http:
        [key] = redis_client.keys("needle:session:*")
        assert SESSION_SECONDS - 5 <= redis_client.ttl(key) <= SESSION_SECONDS
        with inside.terminal() as terminal:
            [told] = terminal.get("/api/v1/sessions").json()["sessions"]
        assert (told["role"], told["device"]) == ("operator", "Firefox, Android")
        assert told["address"] == http.headers["X-Forwarded-For"]


def test_cookie_slides_with_the_session(inside: Door) -> None:
    """30 days of absence, not 30 days after signing in."""
    with inside.browser() as http:
        value = http.cookies["needle_session"]
        renewed = f"needle_session={value}; HttpOnly; Max-Age={SESSION_SECONDS}; Path=/"
        for path in ("/", "/scans", "/nothing"):
            assert http.get(path).headers["set-cookie"].startswith(renewed), path
        with http.stream("GET", "/events") as stream:
            assert stream.headers["set-cookie"].startswith(renewed)
        # What caches keep carries nobody's session, and what a route says goes before.
        assert "set-cookie" not in http.get("/static/app.css").headers
        assert (
            http.post("/theme", data={"theme": "dark"}).headers["set-cookie"].startswith("needle_t")
        )
        left = http.post("/logout").headers.get_list("set-cookie")
        assert len(left) == 1
        assert "Max-Age=0" in left[0]
    with inside.stranger() as nobody, inside.program(inside.token("read")) as program:
        assert "set-cookie" not in nobody.get("/login").headers
        assert "set-cookie" not in program.get("/api/v1/status").headers


def test_sign_out_ends_session_and_streams(inside: Door) -> None:
    with inside.browser() as http, http.stream("GET", "/events") as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("id:")
        answer = http.post("/logout")
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
        assert "event: needle:signed-out" in list(lines)
        assert http.get("/").headers["location"] == "/login"
        assert http.get("/events").status_code == 401


def test_revoked_session_ends_its_streams(inside: Door) -> None:
    with (
        inside.terminal() as terminal,
        inside.browser() as http,
        http.stream("GET", "/events") as stream,
    ):
        [session] = terminal.get("/api/v1/sessions").json()["sessions"]
        assert terminal.delete(f"/api/v1/sessions/{session['id']}").status_code == 200
        assert "event: needle:signed-out" in list(stream.iter_lines())
        assert terminal.get("/api/v1/sessions").json() == {"sessions": []}
        assert terminal.delete(f"/api/v1/sessions/{session['id']}").status_code == 404


def test_session_that_vanishes_ends_its_streams(inside: Door, redis_client: redis.Redis) -> None:
    """Expired, or ended by another web process: within 60 s, asked every 20."""
    with inside.browser() as http, http.stream("GET", "/events") as stream:
        redis_client.delete(*redis_client.keys("needle:session:*"))
        assert "event: needle:signed-out" in list(stream.iter_lines())


def test_revoked_token_is_worthless_at_once(inside: Door) -> None:
    with inside.terminal() as terminal:
        made = terminal.post(
            "/api/v1/tokens", json={"scope": "read", "name": " a \x1b\n b "}
        ).json()
        assert made["name"] == "a \\x1b b"
        with inside.program(made["token"]) as program:
            assert program.get("/api/v1/status").status_code == 200
            assert terminal.delete(f"/api/v1/tokens/{made['id']}").status_code == 200
            assert program.get("/api/v1/status").status_code == 401
        listed = terminal.get("/api/v1/tokens").text
        assert made["token"] not in listed


def test_tokens_survive_redis_and_a_restart(private_valkey: ValkeyServer, tmp_path: Path) -> None:
    with door(private_valkey.url, tmp_path) as first:
        token = first.token("read")
    with private_valkey.client() as client:
        client.flushall()
    with door(private_valkey.url, tmp_path) as second, second.program(token) as program:
        assert program.get("/api/v1/status").status_code == 200


def test_who_is_known_goes_on_looking_while_redis_is_away(
    private_valkey: ValkeyServer, tmp_path: Path
) -> None:
    with door(private_valkey.url, tmp_path) as house, house.browser() as known:
        private_valkey.kill()
        wait_until(
            lambda: 'data-phase="redis_down"' in known.get("/").text, what="the page says so"
        )
        with house.stranger(Cookie="needle_session=unknown") as unknown:
            assert unknown.get("/").status_code == 503
            assert unknown.get("/login").status_code == 200
        with house.terminal() as terminal:
            assert terminal.get("/api/v1/status").json()["redis"]["ok"] is False
        private_valkey.start()
        wait_until(lambda: known.get("/").status_code == 200, what="the session is kept")


def test_activity_says_who_did_what_from_where(inside: Door, redis_client: redis.Redis) -> None:
    scan = publish_scan(redis_client)
    with inside.browser() as http:
        assert http.post(f"/scans/{scan.id}/pause").status_code == 303
        listed = activity(redis_client)
        for text in ("session.begun", "scan.pause_requested", "Firefox, Android"):
            assert text in listed
        assert (
            f'"role":"operator","device":"Firefox, Android","address":"{_address(http)}"' in listed
        )
        page = http.get("/").text
    said = " ".join(re.sub(r"<[^>]*>", " ", page).split())
    assert f"Pause asked for /music by Firefox, Android (operator, {_address(http)} )" in said


def test_programs_and_the_terminal_are_named(inside: Door, redis_client: redis.Redis) -> None:
    with inside.terminal() as terminal:
        made = terminal.post("/api/v1/tokens", json={"scope": "operate", "name": "lights"}).json()
        with inside.program(made["token"]) as program:
            assert program.post("/api/v1/scans", json={"mode": "quick"}).status_code == 202
    listed = activity(redis_client)
    assert re.search(r'"actor":"terminal","action":"token.created"', listed)
    assert re.search(r'"actor":"api","action":"scan.requested".*"device":"lights"', listed)


def test_secrets_are_nobody_elses(inside: Door) -> None:
    inside.token("read")
    for name in ("secret", "operator-token", "tokens.json"):
        assert stat.S_IMODE((inside.data / name).stat().st_mode) == 0o600


def test_secrets_are_made_once_and_checked(tmp_path: Path) -> None:
    vault = open_vault(tmp_path / "new")
    assert open_vault(tmp_path / "new") == vault
    assert str(vault) == repr(vault) == "Vault(…)"
    (tmp_path / "new" / "secret").write_text("short")
    with pytest.raises(VaultError, match="damaged"):
        open_vault(tmp_path / "new")
    (tmp_path / "new" / "secret").unlink()
    (tmp_path / "elsewhere").write_text("0" * 64)
    (tmp_path / "new" / "secret").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(VaultError, match="cannot be kept"):
        open_vault(tmp_path / "new")


def test_no_secret_is_logged(inside: Door) -> None:
    """A canary of every kind goes through the page; none is in its log."""
    with inside.browser() as http, inside.stranger() as stranger:
        canaries = [http.cookies["needle_session"], inside.code(), inside.token("operate")]
        canaries += [new_token(), read_operator_token(inside.data)]
        for canary in canaries:
            stranger.get("/login", params={"c": canary})
            stranger.post("/login", data={"c": canary})
            stranger.get("/api/v1/status", headers={"Authorization": f"Bearer {canary}"})
            stranger.get("/nothing", params={"token": canary})
        http.post("/scans", data={"mode": "odd"})
    assert not [canary for canary in canaries if canary in inside.log]


@pytest.mark.parametrize(
    ("path", "safe"),
    [
        ("/", "/"),
        ("/scans?page=2", "/scans?page=2"),
        ("/library/albums/1", "/library/albums/1"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("/ok\r\nSet-Cookie: x=y", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
        ("/logout", "/"),
        ("/api/v1/scans", "/"),
        ("/" + "x" * 3000, "/"),
    ],
)
def test_signing_in_leads_nowhere_else(path: str, safe: str) -> None:
    assert safe_path(path) == safe


def test_where_somebody_wanted_to_go_is_kept(inside: Door) -> None:
    with inside.stranger() as http:
        answer = http.get("/scans?page=2")
        assert answer.headers["location"] == "/login?next=/scans%3Fpage%3D2"
        shown = http.get(answer.headers["location"]).text
        assert 'name="next" value="/scans?page=2"' in shown
        form = {"c": inside.code(), "next": "/scans?page=2"}
        assert http.post("/login", data=form).headers["location"] == "/scans?page=2"


def _address(http: httpx.Client) -> str:
    return http.headers["X-Forwarded-For"]
