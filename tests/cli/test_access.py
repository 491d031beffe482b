"""`needle login-link`, `sessions`, `tokens`, and a page that is open to the local network."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.lan import address_for_people, lan_address, url_of
from cli.qr import QUIET_MODULES, qr_lines
from tests.cli.running import Up, needle, needle_up
from tests.integration.proxies import make_certificate
from web.vault import read_operator_token

LINK = re.compile(r"(https?://\S+)/login\?c=(\S+)")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("access")
    (folder / "music").mkdir()
    with needle_up(folder / "data", folder / "music") as up:
        yield up


def run(up: Up, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return needle(*arguments, "--data", str(up.data), **environ)


@contextlib.contextmanager
def sign_in(link: str, **options: Any) -> Iterator[httpx.Client]:
    """A browser that has opened a login link and pressed its button."""
    found = LINK.search(link)
    assert found, link
    with httpx.Client(
        base_url=found[1], headers={"Origin": found[1]}, timeout=20, **options
    ) as http:
        assert http.post("/login", data={"c": found[2]}).status_code == 303
        yield http


def test_up_prints_a_link_that_opens_the_page(running: Up) -> None:
    assert running.said(f"Needle is at {running.url}")
    with sign_in(running.output) as http:
        assert 'id="start"' in http.get("/").text


def test_login_link_has_a_role_and_a_code_for_phones(running: Up) -> None:
    done = run(running, "login-link", "--role", "viewer")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{running.url}/login?c=")
    assert "█▀" in done.stdout
    with sign_in(done.stdout) as http:
        page = http.get("/")
        assert 'id="start"' not in page.text
        assert http.post("/scans", data={"mode": "quick"}).status_code == 403


def test_code_can_be_left_out(running: Up) -> None:
    done = run(running, "login-link", "--no-qr")
    assert len(done.stdout.splitlines()) == 2
    assert "█" not in done.stdout


def test_scripts_are_told_in_json(running: Up) -> None:
    made = json.loads(run(running, "login-link", "--role", "viewer", "--json").stdout)
    assert (made["role"], made["seconds"]) == ("viewer", 600)
    with sign_in(made["url"]):
        session = json.loads(run(running, "sessions", "list", "--json").stdout)[0]
        ended = run(running, "sessions", "revoke", session["id"], "--json")
        assert json.loads(ended.stdout)["role"] == "viewer"
    token = json.loads(run(running, "tokens", "create", "--scope", "read", "--json").stdout)
    revoked = run(running, "tokens", "revoke", token["id"], "--json")
    assert json.loads(revoked.stdout) == {k: v for k, v in token.items() if k != "token"}


@pytest.mark.parametrize("wanted", ["none", "", "..", "../status", "\x1b[31m"])
@pytest.mark.parametrize("kind", ["session", "token"])
def test_what_is_not_there_cannot_be_revoked(running: Up, kind: str, wanted: str) -> None:
    done = run(running, f"{kind}s", "revoke", wanted)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"needle: There is no {kind} with this id.\n"


def test_sessions_are_listed_and_revoked(running: Up) -> None:
    with sign_in(
        run(running, "login-link").stdout,
    ) as http:
        listed = json.loads(run(running, "sessions", "list", "--json").stdout)
        assert listed[0]["id"] in run(running, "sessions", "list").stdout
        done = run(running, "sessions", "revoke", listed[0]["id"])
        assert done.stdout.startswith("Signed out: ")
        assert http.get("/").headers["location"] == "/login"


def test_tokens_have_scopes_and_are_revoked(running: Up) -> None:
    made = json.loads(
        run(running, "tokens", "create", "--scope", "read", "--name", "lights", "--json").stdout
    )
    environ = {"NEEDLE_URL": running.url, "NEEDLE_TOKEN": made["token"]}
    assert needle("status", **environ).returncode == 0
    refused = needle("scan", **environ)
    assert refused.stderr == "needle: Only an operator may do this.\n"
    assert re.search(rf"{made['id']}  read +lights", run(running, "tokens", "list").stdout)
    assert run(running, "tokens", "revoke", made["id"]).stdout.startswith("Revoked: ")
    assert "does not accept this token" in needle("status", **environ).stderr
    assert made["id"] not in run(running, "tokens", "list").stdout


def test_token_of_the_data_folder_stays_on_this_machine(
    running: Up, private_listener: tuple[str, list[bytes]]
) -> None:
    url, heard = private_listener
    run(running, "status", "--url", url)
    token = read_operator_token(running.data).encode()
    assert heard
    assert all(token not in text for text in heard)


@pytest.fixture
def private_listener() -> Iterator[tuple[str, list[bytes]]]:
    """Somebody else's server, at an address that is not loopback, and what it hears."""
    heard: list[bytes] = []
    with socket.create_server((lan_address(), 0)) as listener:

        def listen() -> None:
            peer, _ = listener.accept()
            with peer:
                heard.append(peer.recv(65536))

        thread = threading.Thread(target=listen)
        thread.start()
        yield f"http://{listener.getsockname()[0]}:{listener.getsockname()[1]}", heard
        thread.join(10)


def test_logs_and_files_hold_no_token(running: Up) -> None:
    token = read_operator_token(running.data)
    made = json.loads(run(running, "tokens", "create", "--scope", "operate", "--json").stdout)
    for file in running.data.rglob("*"):
        if file.is_file() and file.name != "operator-token":
            held = file.read_bytes()
            assert token.encode() not in held, file
            assert made["token"].encode() not in held, file
    assert token not in running.output


def test_lan_page_by_https(tmp_path: Path, music: Path) -> None:
    """`--lan` with a certificate: a link with the address of this machine, and its QR code."""
    certificate, key = make_certificate(tmp_path)
    options = ("--lan", "--tls-cert", str(certificate), "--tls-key", str(key))
    with needle_up(tmp_path / "data", music, options=options) as up:
        found = LINK.search(up.output)
        assert found
        assert found[1] == f"https://{lan_address()}:{up.port}"
        assert "█▀" in up.output
        assert run(up, "status").returncode == 0  # knows the certificate
        context = ssl.create_default_context(cafile=str(certificate))
        context.check_hostname = False
        with sign_in(up.output, verify=context) as http:
            assert http.cookies
            assert http.get("/").status_code == 200
        with httpx.Client(verify=context) as stranger:
            assert stranger.get(f"{found[1]}/api/v1/status").status_code == 401


def test_lan_without_sign_in_is_refused(tmp_path: Path, music: Path) -> None:
    done = needle("up", str(music), "--lan", "--data", str(tmp_path), NEEDLE_AUTH="off")
    assert done.returncode == 1
    assert "NEEDLE_AUTH=off" in done.stderr


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:1"),
        ("0.0.0.0", "http://127.0.0.1:1"),  # noqa: S104 - not bound to
        ("::", "http://[::1]:1"),
        ("fd00::1", "http://[fd00::1]:1"),
    ],
)
def test_addresses(host: str, url: str) -> None:
    assert url_of("http", host, 1) == url
    people = address_for_people("http", host, 1)
    assert people == (url if host in ("127.0.0.1", "fd00::1") else f"http://{lan_address()}:1")


def test_code_is_square_and_has_room_around_it() -> None:
    lines = qr_lines("http://192.168.1.20:8787/login?c=" + "x" * 32)
    assert len({len(line) for line in lines}) == 1
    assert len(lines) == (len(lines[0]) + 1) // 2
    assert set("".join(lines)) <= set("█▀▄ ")
    assert all(line.startswith("█" * QUIET_MODULES) for line in lines[:-1])
