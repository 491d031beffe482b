"""The pages of tasks, trends and alerts on a phone: every figure can be read without scrolling."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.site import Site
from tests.browser.world import World
from tests.servers import wait_until
from wire.fields import field

TASK = "shop.tasks.orders.confirm_payment_of_an_order"
WORKER = "worker-7f9c8d@node-3.internal.example"
#: Of every table: whether it hangs out of what holds it, and how much of its row a name may take.
TABLES = """() => [...document.querySelectorAll('main table')].map(table => ({
    hangs: Math.max(table.scrollWidth, table.offsetWidth) - table.parentElement.clientWidth,
    names: [...table.querySelectorAll('tbody th')].map(th => th.offsetWidth / table.offsetWidth),
    figures: [...table.querySelectorAll('tbody td.figure')].filter(td => td.offsetWidth).length,
}))"""


@pytest.fixture
def measured(world: World) -> World:
    """A task of a long name that ran, and a worker of a long name that was looked at."""
    counts = {field("task", TASK, "success"): 7, field("task", TASK, "started"): 7}
    times = {field("duration", TASK, "success", "0.5"): 7}
    world.redis.hset(world.keys.metrics_totals, mapping=counts | times)
    minute = int(time.time()) // 60 * 60 - 60
    looks = {
        field(what, WORKER, part): number
        for what in ("rss", "cpu")
        for part, number in (("n", 1), ("sum", 50_000_000), ("max", 50_000_000))
    }
    point = counts | {field("duration", "*", "0.5"): 7} | looks
    world.redis.hset(world.keys.metrics_trend(60, minute), mapping=point)
    return world


def tables_of(page: Page) -> list[Any]:
    """What the tables of a page measure; while it has only begun to read Redis there are none."""

    def look() -> Any:
        found = page.evaluate(TABLES)
        if not found:
            page.reload()
        return found

    found = wait_until(look, what="the page has tables")
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("path", ["/tasks", "/trends", "/alerts"])
@pytest.mark.parametrize("width", [320, 390])
def test_tables_fit_a_phone(
    measured: World, site: Site, open_page: Callable[..., Page], path: str, width: int
) -> None:
    page = open_page(site.url + path, locale="fr-FR", viewport={"width": width, "height": 800})
    for table in tables_of(page):
        assert table["hangs"] <= 0, table
        assert table["figures"] > 0
        assert min(table["names"]) > 0.35


def test_quantiles_have_their_names(
    measured: World, site: Site, open_page: Callable[..., Page]
) -> None:
    page = open_page(site.url + "/trends")
    rows = page.locator("section:has(#chart-duration) tbody tr").all_inner_texts()
    assert [row.split("(")[1][:3] for row in rows] == ["P50", "P95", "P99"]
    page.goto(site.url + "/tasks")
    heads = page.locator("#kinds thead th").all_inner_texts()
    assert heads[4:] == ["P50", "P95", "P99", "Wait, P95"]
