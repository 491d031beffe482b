"""Signing in with a real browser: the link, the two roles, a page of somebody else, and the end."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, wait_live
from tests.browser.test_access import axe, violations
from tests.browser.world import World
from tests.servers import ValkeyServer
from tests.web.signing_in import Door, door
from web.stream import STREAMS_AN_ADDRESS

__all__ = ["axe"]  # a fixture


@pytest.fixture
def entrance(
    valkey_server: ValkeyServer, world: World, prefix: str, tmp_path: Path
) -> Iterator[Door]:
    """The page of `world`, on which people sign in."""
    with door(valkey_server.url, tmp_path, NEEDLE_KEY_PREFIX=prefix) as opened:
        yield opened


def sign_in(page: Page, entrance: Door, role: str = "operator") -> None:
    """Open a login link as somebody would."""
    page.goto(f"{entrance.url}/login?c={entrance.code(role)}")
    page.get_by_role("button", name="Sign in").click()
    wait_live(page)


def test_operator_signs_in_works_and_signs_out(
    entrance: Door, world: World, open_page: Callable[..., Page]
) -> None:
    page = open_page(entrance.url)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("link", name="Library")).to_have_count(0)
    sign_in(page, entrance)
    page.get_by_role("button", name="Quick scan").click()
    expect(page.locator("#scan")).to_contain_text("Waiting for a worker")
    expect(page.locator("#activity")).to_contain_text("Chrome, Linux (operator, 127.0.0.1)")
    page.locator("#account summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(entrance.url)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_viewer_looks_on_and_is_shown_no_control(
    entrance: Door, world: World, open_page: Callable[..., Page]
) -> None:
    scan = world.scan("completed_with_problems")
    world.problems(scan, "x.mp3")
    page = open_page(entrance.url)
    sign_in(page, entrance, "viewer")
    expect(page.locator("#account summary")).to_have_text("viewer")
    for state in ("scanning", "paused", "skipped"):
        world.scan(state, would_mark=60)
        expect(page.locator("#banner, #scan").first).to_be_attached()
        expect(page.locator("main form[method=post]")).to_have_count(0)
    world.activity("scan.stopped", target="the end")
    expect(page.locator("#activity")).to_contain_text("the end")  # it is live
    expect(page.locator("main form[method=post], #banner form")).to_have_count(0)


def test_revoked_session_says_so_and_leads_back(
    entrance: Door, open_page: Callable[..., Page], complaints: Complaints
) -> None:
    page = open_page(entrance.url)
    sign_in(page, entrance)
    with entrance.terminal() as terminal:
        for session in terminal.get("/api/v1/sessions").json()["sessions"]:
            terminal.delete(f"/api/v1/sessions/{session['id']}")
    wait_live(page, "out")
    expect(page.locator(".banner.when-out")).to_contain_text("You are signed out.")
    page.get_by_role("link", name="Sign in").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    complaints.forgive()


def test_too_many_pages_are_refreshed_instead(
    entrance: Door, open_page: Callable[..., Page], complaints: Complaints
) -> None:
    with contextlib.ExitStack() as stack:
        reader = stack.enter_context(entrance.program(entrance.token("read")))
        tokens = [entrance.token("read") for _ in range(STREAMS_AN_ADDRESS // 4)]
        for token in tokens * 4:
            headers = {"Authorization": f"Bearer {token}"}
            stream = reader.stream("GET", "/events", headers=headers)
            assert stack.enter_context(stream).status_code == 200
        page = open_page(entrance.url)
        page.goto(f"{entrance.url}/login?c={entrance.code()}")
        page.get_by_role("button", name="Sign in").click()
        wait_live(page, "full")
        expect(page.locator(".banner.when-full")).to_be_visible()
    complaints.forgive()  # the refused stream


EVIL = """<!doctype html><title>evil</title>
<form id="f" method="post" action="{url}/scans" target="frame"><input name="mode" value="full"></form>
<form id="g" method="post" action="{url}/logout" target="frame"></form>
<form id="h" method="post" action="{url}/login" target="frame"><input name="c" value="{code}"></form>
<form id="j" method="post" action="{url}/api/v1/scans" enctype="text/plain" target="frame">
<input name='{{"mode": "full", "x": "' value='"}}'></form>
<iframe name="frame"></iframe><iframe src="{url}/"></iframe>
<script>
window.got = [];
const url = "{url}", options = {{credentials: "include"}};
async function attack() {{
  for (const id of "fghj") document.getElementById(id).submit();
  const tries = [
    fetch(url + "/scans", {{...options, method: "POST", mode: "no-cors", body: new URLSearchParams("mode=full")}}),
    fetch(url + "/api/v1/scans", {{...options, method: "POST", body: '{{"mode": "full"}}', headers: {{"Content-Type": "application/json"}}}}),
    fetch(url + "/api/v1/scans", {{...options, method: "POST", mode: "no-cors", body: '{{"mode": "full"}}'}}),
    fetch(url + "/api/v1/status", options).then((a) => a.text()).then((t) => got.push(t)),
    fetch(url + "/events", options).then((a) => a.text()).then((t) => got.push(t)),
    fetch(url + "/api/v1/scans", {{...options, headers: {{Authorization: "Bearer x"}}}}).then((a) => a.text()).then((t) => got.push(t)),
    fetch(url + "/api/v1/tokens", {{...options, method: "DELETE"}}).then((a) => a.text()).then((t) => got.push(t)),
  ];
  navigator.sendBeacon(url + "/scans", new URLSearchParams("mode=full"));
  await Promise.allSettled(tries);
  try {{ got.push(frames[1].document.body.innerHTML); }} catch {{}}
  document.title = "done";
}}
addEventListener("load", attack);
</script>"""  # noqa: E501 - another site's page


@contextlib.contextmanager
def other_site(html: str) -> Iterator[str]:
    """A site on another port of this machine: to cookies it is the same site."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def test_other_site_changes_and_reads_nothing(
    entrance: Door,
    world: World,
    open_page: Callable[..., Page],
    redis_client: redis.Redis,
) -> None:
    page = open_page(entrance.url)
    sign_in(page, entrance)
    before = redis_client.xlen(world.keys.activity)
    html = EVIL.format(url=entrance.url, code=entrance.code("viewer"))
    with other_site(html) as evil:
        # Of the same browser; its console, full of what was refused, is nobody's concern.
        tab = page.context.new_page()
        tab.goto(evil)
        tab.wait_for_function("document.title == 'done'")
        assert tab.evaluate("got") == []
        tab.close()
    assert redis_client.xlen(world.keys.activity) == before + 1  # the link that was made for it
    assert not redis_client.exists(world.keys.active)
    page.reload()
    wait_live(page)
    expect(page.locator("#account summary")).to_have_text("operator")


def test_sign_in_page_has_no_violations(
    entrance: Door, open_page: Callable[..., Page], axe: str, complaints: Complaints
) -> None:
    page = open_page(f"{entrance.url}/login")
    assert not violations(page, axe)
    page.get_by_label("Or paste the link here").fill("nonsense")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("This link is not valid")
    assert not violations(page, axe)
    sign_in(page, entrance)
    page.set_viewport_size({"width": 320, "height": 800})
    page.locator("#account summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    box = page.locator("#account form").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 320
    assert not violations(page, axe)
    page.evaluate("document.documentElement.dataset.live = 'out'")
    assert not violations(page, axe)
    complaints.forgive()  # the 403
