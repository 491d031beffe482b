"""A whole stack on the accounts of compose: Redis refuses nothing that Needle needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from celery import Celery

from cli.accounts import acl_file as acl_file_text
from cli.accounts import write_accounts
from tests.integration.stack import Stack
from tests.servers import free_port, valkey, wait_until
from web.app import ROUTES
from wire.transport import celery_settings

OPERATOR = "user operator on >secret ~* &* +@all\n"


@pytest.fixture
def guarded(tmp_path: Path, music: Path) -> Iterator[Stack]:
    """Worker and web, each with its own account; `valkey.url` is an operator's."""
    accounts, port = tmp_path / "accounts", free_port()
    write_accounts(accounts, f"127.0.0.1:{port}")
    acl_file = accounts / "redis/users.acl"
    acl_file.write_text(acl_file.read_text() + OPERATOR)
    with valkey(tmp_path / "valkey", "--aclfile", str(acl_file), port=port) as server:
        server.url = f"redis://operator:secret@127.0.0.1:{port}/0"
        parts = Stack(tmp_path, music, server)
        for part in (parts.worker, parts.web):
            url = (accounts / part.name / "redis-url").read_text().strip()
            part.environ = part.environ | {"NEEDLE_REDIS_URL": url}
        try:
            parts.start()
            yield parts
        except BaseException:
            parts.show_logs()
            raise
        finally:
            parts.stop()


def statuses(running: Stack, scan_id: str) -> dict[str, int]:
    """The answer of every page and every document of the API."""
    answers = {}
    with httpx.Client(base_url=running.url, timeout=20) as http:
        for route in ROUTES:
            path = getattr(route, "path", "")
            if "GET" in (getattr(route, "methods", None) or ()) and path != "/events":
                path = re.sub(r"\{\w+\}", "1", path.replace("{scan_id}", scan_id))
                answers[path] = http.get(path).status_code
    return answers


def test_needle_needs_no_right_that_it_has_not(guarded: Stack) -> None:
    scan = guarded.run_scan()
    assert scan["state"].startswith("completed")
    failed = {path: s for path, s in statuses(guarded, scan["id"]).items() if s >= 500}
    assert not failed
    # Pause, resume and stop, then forget what is missing.
    again = guarded.start_scan("full")
    for action in ("pause", "resume", "stop"):
        guarded.request("POST", f"/api/v1/scans/{again}/{action}")
    guarded.wait_for_end(again)
    guarded.request("POST", "/api/v1/missing/purge", {"expected": 0})
    change_everything(guarded)
    with guarded.valkey.client() as operator:
        assert not refusals(operator)
        inspect_and_revoke(guarded)
        assert not refusals(operator)


def change_everything(running: Stack) -> None:
    """What the page changes besides scans."""
    with httpx.Client(base_url=running.url, timeout=20) as http:
        limits = {"args": 131_072, "kwargs": 131_072}
        assert http.put("/api/v1/sizes/limits", json=limits).status_code == 200
        rule = http.get("/api/v1/alerts/rules").json()["rules"][0]["name"]
        assert http.put("/api/v1/alerts/silences", json={"id": rule, "seconds": 60}).is_success
        for path in ("/sizes/automatic", "/sizes/undo", "/sizes/reset"):
            assert http.post(path, data={"on": "1", "ceiling": "200000"}).status_code == 303


def refusals(operator: Any) -> list[str]:
    """What Redis refused to either account."""
    log = operator.acl_log()
    return [f"{e['username']}: {e['object']}" for e in log if e["username"] in ("worker", "web")]


def inspect_and_revoke(running: Stack) -> None:
    """What an operator's commands will do with the worker's account, and the page with its own."""
    app = Celery("operator", set_as_current=False)
    app.conf.update(celery_settings(running.worker.environ["NEEDLE_REDIS_URL"]))
    answer = wait_until(lambda: app.control.ping(timeout=1.0, limit=1), what="the worker's pong")
    assert list(answer[0].values()) == [{"ok": "pong"}]  # type: ignore[index]
    page = Celery("page", set_as_current=False)
    page.conf.update(celery_settings(running.web.environ["NEEDLE_REDIS_URL"]))
    page.control.revoke("0b5c1e4e-96a0-4d5b-a1a6-5f3f9c3c1c55")
    app.control.enable_events()
    assert running.run_scan()["state"].startswith("completed")


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("worker:wrong", "invalid username-password pair"),
        ("web:secret", "Redis refuses this account what a worker needs:"),
    ],
    ids=["wrong password", "no permission"],
)
def test_refusal_is_one_clear_line(tmp_path: Path, user: str, words: str) -> None:
    acl_file = tmp_path / "users.acl"
    acl_file.write_text(acl_file_text("needle", {"worker": "secret", "web": "secret"}))
    with valkey(tmp_path / "valkey", "--aclfile", str(acl_file)) as server:
        parts = Stack(tmp_path, tmp_path, server)
        parts.worker.environ["NEEDLE_REDIS_URL"] = f"redis://{user}@127.0.0.1:{server.port}/0"
        try:
            parts.worker.start()
            wait_until(lambda: words in parts.worker.log.read_text(), seconds=40, what=words)
            parts.worker.stop()
        finally:
            parts.stop()
        log = parts.worker.log.read_text()
        assert "Traceback" not in log
        assert user.partition(":")[2] not in log
