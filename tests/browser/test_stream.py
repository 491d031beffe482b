"""The page and its stream: what breaks heals, what is old says so, nothing leaks or flickers."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.conftest import Complaints, wait_live
from tests.browser.site import Proxy, Site
from tests.browser.world import World
from tests.servers import wait_until

#: More than live.js waits for a sign of life, in the page's (faked) time.
SILENCE_MS = 13_000


def hide(page: Page, hidden: bool) -> None:
    """Make the tab think that it went to the background, or came back."""
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def streams_ended(page: Page) -> list[str]:
    """A list to which the address of every stream that `page` closes is added."""
    ended: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith("/events"):
            ended.append(request.url)

    page.on("requestfailed", note)
    page.on("requestfinished", note)
    return ended


def test_stream_starts_on_every_load(site: Site, open_page: Callable[..., Page]) -> None:
    """Trap 1: with deferred scripts 4 of 60 loads stayed dead."""
    page = open_page(site.url)
    for _ in range(20):
        wait_live(page)
        page.reload()


def test_refused_first_connection_heals(
    proxy: Proxy, open_page: Callable[..., Page], complaints: Complaints
) -> None:
    """Trap 2: hx-sse never retries a first connection that failed."""
    proxy.events = "refuse"
    page = open_page(proxy.url)
    wait_live(page, "lost")
    expect(page.locator(".banner.when-lost")).to_contain_text("No connection to Needle")
    proxy.events = "pass"
    wait_live(page)
    expect(page.locator(".banner.when-lost")).to_be_hidden()
    assert proxy.refused >= 1
    complaints.forgive()


def test_silent_stream_is_replaced_by_asking(
    proxy: Proxy, world: World, open_page: Callable[..., Page], complaints: Complaints
) -> None:
    """A proxy that holds the stream back: the page asks every 5 s, and says so."""
    proxy.events = "hold"
    page = open_page("about:blank")
    page.clock.install()
    page.goto(proxy.url)
    world.scan("cancelled")
    page.clock.fast_forward(SILENCE_MS)
    wait_live(page, "polling")
    expect(page.locator(".banner.when-polling")).to_contain_text("every 5 seconds")
    expect(page.locator("#scan")).to_contain_text("12,018 stored files are kept.")
    world.scan("failed", reason="The disk is full.")
    page.clock.fast_forward(6_000)
    expect(page.locator("#scan")).to_contain_text("The disk is full.")
    complaints.forgive()


def test_stalled_stream_is_opened_again(
    proxy: Proxy, open_page: Callable[..., Page], complaints: Complaints
) -> None:
    """Trap 2: a stream that hangs is noticed, for every message is a sign of life."""
    page = open_page("about:blank")
    page.clock.install()
    page.goto(proxy.url)
    wait_live(page)
    proxy.events = "hold"
    page.clock.fast_forward(SILENCE_MS)
    wait_live(page, "polling")
    proxy.events = "pass"
    page.clock.fast_forward(31_000)
    wait_live(page)
    complaints.forgive()


def test_restarted_server_is_found_again(
    site: Site, world: World, live: Page, complaints: Complaints
) -> None:
    site.stop()
    wait_live(live, "lost")
    assert live.locator("#announce").inner_text().startswith("No connection to Needle.")
    expect(live.locator("#heard")).to_have_text(re.compile(r"\d\d:\d\d:\d\d"))
    world.scan("cancelled")
    site.start()
    wait_live(live)
    expect(live.locator("#scan")).to_contain_text("12,018 stored files are kept.")
    expect(live.locator("#announce")).to_have_text("Stopped")
    complaints.forgive()


def test_error_answers_are_not_swapped_in(site: Site, live: Page, complaints: Complaints) -> None:
    """Trap 4: htmx 4 puts the body of an error into the page unless told not to."""
    before = live.locator("#scan").inner_text()
    for path in ("/scans/20261121T010203-000000", "/scans/x/stop"):
        live.evaluate("path => htmx.ajax('GET', path, '#scan')", path)
    assert live.locator("#scan").inner_text() == before
    complaints.forgive()


def test_details_stay_open(world: World, live: Page) -> None:
    """Trap 5: a morph closes what the reader opened."""
    scan = world.scan("scanning")
    world.problems(scan, "one.mp3", "two.mp3")
    detail = live.locator(".problems details").first
    detail.locator("summary").click()
    expect(detail).to_contain_text("HeaderNotFoundError")
    for done in (12_100, 12_200):
        world.change(scan, counts={"new": done, "unreadable": 2})
        expect(live.locator("#scan")).to_contain_text(f"{done:,} stored")
    expect(detail).to_have_attribute("open", "")
    expect(detail).to_contain_text("HeaderNotFoundError")


def test_open_dialog_survives_messages(world: World, live: Page) -> None:
    scan = world.scan("scanning")
    live.locator("#stop").click()
    dialog = live.get_by_role("dialog", name="Stop this scan?")
    expect(dialog).to_contain_text("12,018 stored files are kept.")
    dialog.locator("#stop-yes").focus()
    world.change(scan, counts={"new": 13_000})
    expect(dialog).to_contain_text("13,000 stored files are kept.")
    expect(dialog.locator("#stop-yes")).to_be_focused()
    live.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_page_does_not_grow(world: World, live: Page) -> None:
    """Stray text nodes of hundreds of morphs would make the page slow."""
    scan = world.scan("scanning")

    def nodes_after(*counts: int) -> int:
        nonlocal scan
        for count in counts:
            scan = world.change(scan, counts={"new": count})
            expect(live.locator("#scan")).to_contain_text(f"{count:,} stored")
        return int(
            live.evaluate(
                """() => {  // without the curve, which has still to appear
                    const walker = document.createTreeWalker(document.querySelector(".column"));
                    let count = 0;
                    while (walker.nextNode()) count++;
                    return count; }"""
            )
        )

    assert nodes_after(20_000) == nodes_after(20_001, 20_002, 20_003, 20_004, 20_005)


def test_fifth_tab_parks_the_first(site: Site, browser_tabs: Callable[[int], list[Page]]) -> None:
    """Trap 7: six connections an origin; the oldest streams make room and can be resumed."""
    tabs = browser_tabs(9)
    for tab in tabs[-4:]:
        wait_live(tab)
    for tab in tabs[:5]:
        wait_live(tab, "parked")
    expect(tabs[0].locator(".banner.when-parked")).to_contain_text("Another tab took over")
    tabs[0].locator("#resume").click()
    wait_live(tabs[0])
    wait_live(tabs[5], "parked")


@pytest.fixture
def browser_tabs(site: Site, open_page: Callable[..., Page]) -> Callable[[int], list[Page]]:
    """Tabs of one window, all of them visible to themselves."""

    def open_tabs(count: int) -> list[Page]:
        tabs = [open_page(site.url)]
        wait_live(tabs[0])
        for _ in range(count - 1):
            tabs.append(tabs[0].context.new_page())
            tabs[-1].goto(site.url)
            wait_live(tabs[-1])
        return tabs

    return open_tabs


def test_hidden_tab_rests_and_returns(site: Site, world: World, live: Page) -> None:
    """A tab in the background holds no connection; when it comes back it is up to date."""
    ended = streams_ended(live)
    hide(live, True)
    wait_until(lambda: live.title() and ended, what="the stream is closed")
    world.scan("cancelled")
    hide(live, False)
    expect(live.locator("#scan")).to_contain_text("12,018 stored files are kept.")
    wait_live(live)


def test_tab_opened_in_the_background_rests(site: Site, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.add_init_script(
        "Object.defineProperty(document, 'hidden', {value: true, configurable: true})"
    )
    ended = streams_ended(page)
    page.goto(site.url)
    wait_until(lambda: page.title() and ended, what="the stream is closed")
    hide(page, False)
    wait_live(page)


def test_screen_reader_hears_tenths_only(world: World, live: Page) -> None:
    """Trap 14: one sentence, changed with the state or every tenth."""
    assert live.locator("[aria-live], [role=status], [role=alert], [role=log]").count() == 1
    live.evaluate(
        """() => { window.heard = [];
            new MutationObserver(() => {
                const text = document.getElementById("announce").textContent;
                if (text !== window.heard.at(-1)) window.heard.push(text);
            }).observe(document.getElementById("announce"),
                {childList: true, characterData: true, subtree: true}); }"""
    )
    scan = world.scan("scanning", files_found=100, counts={"new": 0})
    for done in range(0, 35, 3):
        world.change(scan, counts={"new": done})
        expect(live.locator("#scan")).to_contain_text(f"{done} stored of 100")
    assert live.evaluate("window.heard") == [
        f"Scanning: {percent}% of 100 files" for percent in (0, 10, 20, 30)
    ]


def test_page_without_script_says_that_it_is_still(
    site: Site, open_page: Callable[..., Page]
) -> None:
    page = open_page(site.url, java_script_enabled=False)
    expect(page.locator("#link")).to_contain_text("not live")
    page.get_by_role("link", name="Load it again").click()
    expect(page.locator("#scan")).to_be_visible()
