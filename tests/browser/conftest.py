"""A real Chromium, the real web application and a real Valkey, each test with its own keys."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.site import Proxy, Site, serving, settings
from tests.browser.world import World
from tests.servers import ValkeyServer

FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
#: Until something is given up that will never be there, on a machine that does other things too.
DEADLINE_MS = 30_000


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One browser for all tests of this folder; without one they fail.

    It must not outlive them: Playwright's event loop would be in the way of other tests' loops.
    """
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "the browser tests need chromium: sudo apt install chromium"
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else list(FLAGS)
    expect.set_options(timeout=DEADLINE_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, headless=True, args=flags)
        yield started
        started.close()


@pytest.fixture
def prefix() -> str:
    """A key prefix of the test's own: what another test left behind is not seen."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """An existing music folder."""
    folder = tmp_path / "music"
    folder.mkdir()
    return folder


@pytest.fixture
def world(redis_client: redis.Redis, prefix: str, music: Path) -> World:
    """A worker that is alive and a folder that it can read, in the shared Valkey."""
    world = World(redis_client, prefix, music)
    world.root_seen()
    world.worker_beats()
    return world


@pytest.fixture
def site(valkey_server: ValkeyServer, world: World, prefix: str, music: Path) -> Iterator[Site]:
    """The web application, reading `world`."""
    with serving(settings(valkey_server.url, prefix, music)) as site:
        yield site


@pytest.fixture
def private_site(private_valkey: ValkeyServer, prefix: str, music: Path) -> Iterator[Site]:
    """The web application with a Valkey that the test may harm."""
    with serving(settings(private_valkey.url, prefix, music)) as site:
        yield site


@pytest.fixture
def proxy(site: Site) -> Iterator[Proxy]:
    """A breakable wire to `site`."""
    proxy = Proxy(site.port)
    yield proxy
    proxy.close()


class Complaints(list[str]):
    """What the browser's console complained about."""

    forgiven = False

    def forgive(self) -> None:
        """At the end of a test that causes some: those may also come a moment later."""
        self.forgiven = True


@pytest.fixture
def complaints() -> Complaints:
    """Nothing so far."""
    return Complaints()


@pytest.fixture
def open_page(browser: Browser, complaints: Complaints) -> Iterator[Callable[..., Page]]:
    """`open_page(url, **context options)`: a page in a fresh profile, its console watched."""
    contexts = []

    def open_(url: str = "about:blank", **options: object) -> Page:
        context = browser.new_context(**{"locale": "en-GB", **options})  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        watch(page, complaints)
        page.set_default_timeout(DEADLINE_MS)
        page.goto(url)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints.forgiven or not complaints, complaints


def watch(page: Page, complaints: Complaints) -> None:
    """Note every warning and error of the console of `page`."""
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None,
    )


@pytest.fixture
def live(site: Site, open_page: Callable[..., Page]) -> Page:
    """The page of `site`, connected."""
    page = open_page(site.url)
    wait_live(page)
    return page


def wait_live(page: Page, mode: str = "live") -> None:
    """Wait until live.js says that the page is in `mode`."""
    page.wait_for_selector(f'html[data-live="{mode}"]')
