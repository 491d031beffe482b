"""Text of files is anybody's: whatever it holds, the page shows it and nothing else happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from playwright.sync_api import ConsoleMessage, Page, expect

from tests.browser.conftest import Complaints, wait_live
from tests.browser.site import Site
from tests.browser.world import World
from web.render import SECTIONS

HOSTILE = (
    "<script>window.hit = 1</script>.mp3",
    "<img src=x onerror='window.hit = 1'>.mp3",
    "\"><svg onload=window.hit=1> ' onmouseover='window.hit=1",
    '<hx-partial hx-target="#scan">window</hx-partial>',
    "</template></bdi></section><form id=scan action=//x>{{ 7*7 }}{% raw %}${7*7}",
    '<div hx-get="/x" hx-trigger="load" hx-on:click="window.hit=1">',
    "{{ state.__class__ }} {% include '/etc/passwd' %}",
    "line\ndata: x\n\nevent: needle:parked\rid: 9\r\n\r\n",
    "song\u202e3pm.exe \u2066\u2067",
    "\x00\x1b[31m\x07\ufeff\u2028\u2029\ud800 %s %(x)s {} %%",
)


def test_hostile_text_is_only_text(
    site: Site, world: World, open_page: Callable[..., Page]
) -> None:
    """Traps 6 and 15: in every place where text of files is shown, first paint and stream."""
    scan = world.scan("scanning")
    world.problems(scan, *HOSTILE)
    for text in HOSTILE:
        world.activity("scan.requested", actor=text, target=text, detail=text)
    page = open_page(site.url)
    wait_live(page)
    beat = world.worker_beats()
    for number, text in enumerate(HOSTILE, 1):
        world.problems(scan, *HOSTILE, error_class=text, message=text)
        world.change(scan, root=text, folder=text, formats={text: 3}, counts={"new": number})
        world.at(scan, text)
        world.say(replace(beat, worker=text))
        expect(page.locator("#scan")).to_contain_text(f"{number} stored")
        assert_harmless(page)
    page.reload()
    expect(page.locator(".problems li")).to_have_count(min(2 * len(HOSTILE), 20))
    page.locator(".problems summary").first.click()
    page.locator(".problems bdi").first.hover()
    assert_harmless(page)
    assert page.locator(".problems bdi > *").count() == 0


def assert_harmless(page: Page) -> None:
    """No script ran, no element came from text, every section is there once, the stream lives."""
    assert page.evaluate("window.hit") is None
    for section in SECTIONS:
        assert page.locator(f"#{section.id}").count() == 1
    assert page.locator("main :is(script, img, [onerror], [onload], [hx-get])").count() == 0
    wait_live(page)


def test_untrusted_text_is_isolated(world: World, live: Page) -> None:
    """Trap 15: a name in another direction does not turn its neighbours around."""
    name = "اسم الأغنية.mp3"
    scan = world.scan("scanning", folder=name, reason=name)
    world.problems(scan, name, message=name)
    world.at(scan, name)
    world.activity("scan.requested", target=name)
    expect(live.locator(".now")).to_contain_text(name)
    expect(live.locator(".problems")).to_contain_text(name)
    loose = live.evaluate(
        """name => {
            const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            const loose = [];
            while (walker.nextNode())
                if (walker.currentNode.data.includes(name)
                    && !walker.currentNode.parentElement.closest("bdi"))
                    loose.push(walker.currentNode.parentElement.outerHTML);
            return loose; }""",
        name,
    )
    assert loose == []


def test_megabytes_do_not_stop_the_page(world: World, live: Page) -> None:
    scan = world.scan("scanning")
    world.problems(scan, *(f"{number} " + "long " * 50_000 for number in range(4)))
    world.change(scan, reason="word " * 200_000, counts={"new": 42})
    world.at(scan, "x" * 1_000_000)
    world.change(scan, counts={"new": 43})
    expect(live.locator("#scan")).to_contain_text("43 stored")
    assert len(live.content()) < 200_000


def test_absurd_figures_are_shown(world: World, live: Page) -> None:
    scan = world.scan("scanning", files_found=0, counts={"new": -5, "odd": 10**17})
    world.change(scan, started_at=-1e200, requested_at=1e12, formats={"mp3": -3, "flac": 10**18})
    world.worker_beats(rss_bytes=-1, cpu_percent=1e200, busy=-3)
    world.activity("scan.requested", at=-1e250)
    world.activity("made.up")
    expect(live.locator("#activity")).to_contain_text("made.up")
    wait_live(live)


def test_policy_forbids_inline_code(site: Site, live: Page, complaints: Complaints) -> None:
    """The page is drawn without a violation, and one that is tried is refused."""
    policy = live.request.get(site.url).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    with live.expect_console_message(_is_violation):
        live.evaluate("document.body.insertAdjacentHTML('beforeend', '<i onclick=hit=1>x</i>')")
    with live.expect_console_message(_is_violation):
        live.evaluate(
            """() => { const s = document.createElement("script");
                s.textContent = "window.hit = 1"; document.body.append(s); }"""
        )
    live.evaluate("document.querySelector('[onclick]').click()")
    assert live.evaluate("window.hit") is None
    complaints.forgive()


def _is_violation(message: ConsoleMessage) -> bool:
    return "Content Security Policy" in message.text
