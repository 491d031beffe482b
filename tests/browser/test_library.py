"""The library's front page in a real browser: readable by everybody, and safe."""

from __future__ import annotations

import time
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.site import Site
from tests.browser.test_access import axe, violations
from tests.browser.test_hostile import HOSTILE
from tests.browser.world import World
from wire.answers import Album, Overview
from wire.events import dump

__all__ = ["axe"]  # the fixture


def fill(world: World, *titles: str) -> None:
    """Write the overview that a worker writes at the end of a scan."""
    recent = tuple(Album(n, t, artist=t, date=t, tracks=n) for n, t in enumerate(titles, 1))
    told = Overview(
        at=time.time(), artists=1_234, albums=len(titles), genres=40, tracks=200_000,
        files=200_010, missing=3, problems=7, duration_seconds=5e7, size_bytes=10**12,
        recent=recent,
    )  # fmt: skip
    world.redis.set(world.keys.overview, dump(told))


def test_library_has_no_violations(
    site: Site, world: World, open_page: Callable[..., Page], axe: str
) -> None:
    fill(world, "Homogenic", "Post", "اسم الألبوم")
    page = open_page(site.url)
    page.get_by_role("link", name="Library").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Library")
    expect(page.get_by_role("link", name="Homogenic")).to_be_visible()
    for width in (1280, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert not violations(page, axe)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_library_works_without_scripts(
    site: Site, world: World, open_page: Callable[..., Page]
) -> None:
    fill(world, "Homogenic")
    page = open_page(f"{site.url}/library", java_script_enabled=False, locale="fr-FR")
    expect(page.get_by_role("heading", level=1)).to_have_text("Bibliothèque")
    expect(page.locator("main")).to_contain_text("200\u202f000")
    expect(page.get_by_role("searchbox")).to_be_visible()


def test_hostile_names_are_only_text(
    site: Site, world: World, open_page: Callable[..., Page]
) -> None:
    fill(world, *HOSTILE[:9], "x" * 300)
    page = open_page(f"{site.url}/library")
    expect(page.locator(".rows li")).to_have_count(10)
    assert page.evaluate("window.hit") is None
    assert page.locator("main :is(script, img, [onerror], [onload], [hx-get])").count() == 0
    assert page.locator(".rows bdi > *").count() == 0
    page.set_viewport_size({"width": 390, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
