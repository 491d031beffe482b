"""The page of sizes with a real foreign application: every figure, and one click to set a limit."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from playwright.sync_api import Page, expect

from tests.browser.foreign import PARKED, Foreign, foreign
from tests.browser.site import Site
from tests.browser.test_access import axe, violations
from tests.browser.test_hostile import HOSTILE
from tests.browser.world import World
from tests.cli.running import needle
from tests.servers import ValkeyServer, wait_until
from tests.wire.measured import SEED, fields_of
from wire.events import dump
from wire.fields import field
from wire.payloads import Finding
from wire.size_report import day_of

__all__ = ["axe"]  # the fixture

#: What the fifteen tasks carry: two are longer than Celery's limit of 1,024 when they are shown.
PAYLOADS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    *(((f"{'é' * number * 20}",), {}) for number in range(1, 11)),
    (([],), {"folder": "/music/Björk"}),
    ((1, 2.5, None, True), {"deep": {"of": ["a", "b"]}}),
    (("",), {}),
    (([f"/music/Jóga/{n:04}.flac" for n in range(1_500)],), {"batch": 1}),
    (([f"/music/Jóga/{n:04}.flac" for n in range(900)],), {"batch": 2}),
]


def as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def within_five_seconds(condition: Callable[[], bool], what: str) -> None:
    wait_until(condition, seconds=5, what=what)


def show_limits(app: Foreign) -> tuple[int, int]:
    """Characters of the shown args of one message of the sender, and one of a pool process."""
    app.client.delete(PARKED)
    app.send("echo", "x" * 5_000, queue=PARKED)
    app.send("forward", "y" * 5_000, PARKED)
    wait_until(lambda: len(app.parked()) == 2, seconds=5, what="both messages lie in Redis")
    shown = {h["argsrepr"][2]: len(h["argsrepr"]) for h in app.parked()}
    return shown["x"], shown["y"]


def test_foreign_application_is_measured_and_changed(
    site: Site,
    world: World,
    prefix: str,
    open_page: Callable[..., Page],
    valkey_server: ValkeyServer,
    redis_client: redis.Redis,
    tmp_path: Path,
) -> None:
    with foreign(valkey_server, prefix, redis_client, tmp_path) as app:
        for args, kwargs in PAYLOADS:
            app.send("echo", *args, **kwargs)

        def report() -> dict[str, Any]:
            answer: dict[str, Any] = httpx.get(f"{site.url}/api/v1/sizes").json()
            return answer

        wait_until(lambda: report()["analysed"] == len(PAYLOADS), what="all tasks are measured")
        told = report()
        check_figures(told)
        here = {"NEEDLE_REDIS_URL": valkey_server.url, "NEEDLE_KEY_PREFIX": prefix}
        by_terminal = needle("sizes", "--json", **here)
        from_terminal = json.loads(by_terminal.stdout)
        assert {**from_terminal, "at": told["at"]} == told
        check_page(open_page(f"{site.url}/sizes"))
        assert show_limits(app) < (1_100, 1_100)

        page = open_page(f"{site.url}/sizes", java_script_enabled=False)
        page.get_by_role("button", name="Set 131,072").click()
        clicked = time.monotonic()
        expect(page.locator("#set-by")).to_contain_text("Set by the page")
        within_five_seconds(
            lambda: show_limits(app) > (5_000, 5_000), "sender and pool process show everything"
        )
        assert time.monotonic() - clicked < 20
        page.get_by_role("button", name="Undo").click()
        within_five_seconds(lambda: show_limits(app) < (1_100, 1_100), "the limit is back")

        page.get_by_role("button", name="Switch automatic mode on").click()
        wait_until(lambda: report()["limits"]["args"] == 131_072, what="its worker sets the limit")
        page.get_by_role("link", name="Load it again").click()
        expect(page.locator("#set-by")).to_contain_text("Set by the automatic mode")
    assert "[WORKER SHUTDOWN]" in app.worker.text()


def check_figures(told: dict[str, Any]) -> None:
    """Whether the API tells what Python computes itself."""
    assert (told["cut"], told["answer"]) == (2, "Set 131,072: 2 of 15 were cut.")
    for kind, values in (
        ("args", [list(args) for args, _ in PAYLOADS]),
        ("kwargs", [kwargs for _, kwargs in PAYLOADS]),
    ):
        chars = [len(as_json(value)) for value in values]
        utf8 = [len(as_json(value).encode()) for value in values]
        found = told["all"][kind]
        assert found["chars"]["n"] == len(PAYLOADS)
        assert found["chars"]["largest"] == max(chars)
        assert found["chars"]["mean"] == pytest.approx(statistics.mean(chars))
        assert found["utf8_bytes"]["largest"] == max(utf8)
        assert found["utf8_bytes"]["mean"] == pytest.approx(statistics.mean(utf8))
        assert found["chars"]["p50"] == pytest.approx(statistics.median(chars), rel=0.01)
        assert sum(bar["count"] for bar in found["histogram"]) == len(PAYLOADS)
    assert told["all"]["args"]["cut"] == 2
    assert told["all"]["args"]["limit"] == 1_024
    assert told["largest"]["task"] == "tests.worker.metrics.foreign.echo"
    assert told["largest"]["who"]["queue"] == "foreign"


def check_page(page: Page) -> None:
    """Whether the page shows the same figures."""
    chars = [len(as_json(list(args))) for args, _ in PAYLOADS]
    expect(page.locator("#answer")).to_contain_text("Set 131,072: 2 of 15 were cut.")
    expect(page.locator("#answer")).to_contain_text("foreign.echo (args), queue foreign")
    row = page.locator("#answer tbody tr").first
    expect(row).to_contain_text(f"{max(chars):,}")
    expect(row).to_contain_text(f"{statistics.mean(chars):,.0f}")


def fill(world: World) -> None:
    """Figures in every part of the page."""
    now = time.time()
    client, keys = world.redis, world.keys
    client.hset(keys.sizes, mapping=SEED)  # type: ignore[arg-type]
    for name in (*HOSTILE[:6], "covers.embed"):
        values = {"args": [2], "kwargs": [3_000_000], "wire_bytes": [4_000_000]}
        client.hset(keys.sizes, mapping=fields_of(name, values, kwargs=1, any=1))  # type: ignore[arg-type]
    for ago in range(5):
        day = keys.sizes_day(day_of(now - ago * 86_400))
        client.hset(day, mapping=SEED)  # type: ignore[arg-type]
    seen = Finding(HOSTILE[0], "not_json", "bytes", f"args[0][{HOSTILE[1]!r}]", HOSTILE[2], "", now)
    client.hset(keys.findings, field("last", seen.task, seen.kind, seen.type), dump(seen))
    minute = int(now) // 60 * 60 - 600
    client.hset(keys.metrics_trend(60, minute), field("cut", "covers.embed", "kwargs"), 7)


@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
def test_page_has_no_violations(
    site: Site, world: World, open_page: Callable[..., Page], axe: str, locale: str
) -> None:
    fill(world)
    page = open_page(f"{site.url}/sizes", locale=locale)
    for details in page.locator("details").all():
        details.evaluate("element => element.open = true")
    for width in (1280, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert not violations(page, axe)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
def test_phone_shows_all_figures_without_scrolling(
    site: Site, world: World, open_page: Callable[..., Page], locale: str
) -> None:
    world.redis.hset(world.keys.sizes, mapping=SEED)  # type: ignore[arg-type]
    phone = {"width": 390, "height": 844}
    page = open_page(f"{site.url}/sizes", locale=locale, viewport=phone)
    page.locator("#tasks summary").click()
    tables = page.locator(".scroll")
    assert tables.count() == 2
    for table in tables.all():
        assert table.evaluate("element => element.scrollWidth <= element.clientWidth")


def test_held_sizes_are_told_without_a_limit_to_set(
    site: Site, world: World, open_page: Callable[..., Page]
) -> None:
    small = fields_of("small", {"args": [100], "kwargs": [2]})
    world.redis.hset(world.keys.sizes, mapping=small)  # type: ignore[arg-type]
    page = open_page(f"{site.url}/sizes")
    page.locator("#tasks summary").click()
    expect(page.locator("#tasks details")).to_contain_text("100 characters as JSON")
    expect(page.locator("#tasks details")).to_contain_text("20 µs of its sender")
    expect(page.locator("#tasks details")).not_to_contain_text("Set ")


def test_empty_page_says_what_to_do(site: Site, open_page: Callable[..., Page], axe: str) -> None:
    page = open_page(site.url)
    page.get_by_role("link", name="Sizes").click()
    expect(page.locator("#answer")).to_contain_text("Nothing was measured yet.")
    expect(page.locator("#answer code")).to_have_text("worker.metrics.install(app)")
    assert not violations(page, axe)


def test_live_page_says_what_to_set(
    site: Site, world: World, open_page: Callable[..., Page]
) -> None:
    world.redis.hset(world.keys.sizes, mapping=SEED)  # type: ignore[arg-type]
    page = open_page(site.url, java_script_enabled=False)
    expect(page.locator("#sizes")).to_contain_text("Set 131,072: 2 of 15 were cut.")
    page.locator("#sizes").get_by_role("link").click()
    page.get_by_role("button", name="Set 131,072").click()
    expect(page.locator("#answer")).to_contain_text("No change needed")
    page.get_by_role("link", name="The live page").click()
    expect(page.locator("#sizes")).to_be_hidden()


def test_reset_asks_first(site: Site, world: World, open_page: Callable[..., Page]) -> None:
    fill(world)
    page = open_page(f"{site.url}/sizes", java_script_enabled=False, locale="fr-FR")
    page.get_by_role("button", name="Remettre les mesures à zéro…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("L’historique par jour et les limites restent.")
    dialog.get_by_role("button", name="Annuler").click()
    expect(dialog).to_be_hidden()
    assert world.redis.exists(world.keys.sizes)
    page.get_by_role("button", name="Remettre les mesures à zéro…").click()
    dialog.get_by_role("button", name="Remettre à zéro").click()
    expect(page.locator("#answer")).to_contain_text("Rien n’a encore été mesuré.")


def test_automatic_mode_and_limits_by_hand(
    site: Site, world: World, open_page: Callable[..., Page]
) -> None:
    fill(world)
    page = open_page(f"{site.url}/sizes")
    page.get_by_label("up to", exact=True).fill("200000")
    page.get_by_role("button", name="Switch automatic mode on").click()
    expect(page.locator("#set-by")).to_contain_text("up to 200,000")
    page.get_by_text("Set them by hand").click()
    page.locator("#by-hand").get_by_label("kwargs").fill("4096")
    page.locator("#by-hand").get_by_role("button", name="Set", exact=True).click()
    expect(page.locator("#limits .outcomes")).to_contain_text("4,096")
    expect(page.locator("#set-by")).not_to_contain_text("Automatic")
