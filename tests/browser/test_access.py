"""Everybody can read it: axe-core finds nothing, in both themes, in the states that matter."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

import hatch_build
from tests.browser.conftest import wait_live
from tests.browser.site import Site
from tests.browser.test_states import (
    completed_with_problems,
    files_gone,
    nothing,
    paused,
    scanning,
    scheduled,
)
from tests.browser.world import World, stages
from wire.states import ScanState

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core, fetched by its hash when it is not there."""
    hatch_build.fetch(hatch_build.TEST_FILES, dev=True)
    return (hatch_build.ROOT / "node_modules/axe-core/axe.min.js").read_text("utf-8")


def violations(page: Page, axe: str) -> list[str]:
    """What axe-core says is wrong in either theme, one line each.

    It is put into the page by the debugger, which the content security policy does not bind.
    """
    page.evaluate(axe)
    lines = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        for rule in page.evaluate("rules => axe.run(document, rules)", RULES)["violations"]:
            lines += [f"{theme} {rule['id']}: {node['html'][:200]}" for node in rule["nodes"]]
    return lines


@pytest.mark.parametrize(
    "prepare",
    [nothing, scanning, paused, completed_with_problems, scheduled],
    ids=lambda function: function.__name__,
)
def test_page_has_no_violations(
    site: Site,
    world: World,
    open_page: Callable[..., Page],
    axe: str,
    prepare: Callable[[World], None],
) -> None:
    prepare(world)
    page = open_page(site.url)
    wait_live(page)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert not violations(page, axe)


def test_old_figures_can_be_read(live: Page, axe: str) -> None:
    live.evaluate("document.getElementById('stream').remove()")
    for mode in ("lost", "parked", "polling"):
        live.evaluate("mode => document.documentElement.dataset.live = mode", mode)
        assert not violations(live, axe)


@pytest.mark.parametrize("button", ["Full scan…", "Scan anyway…"])
def test_dialogs_have_no_violations(world: World, live: Page, axe: str, button: str) -> None:
    files_gone(world)
    live.get_by_role("button", name=button).click()
    expect(live.get_by_role("dialog")).to_be_visible()
    assert not violations(live, axe)


def test_scan_page_has_no_violations(
    site: Site, world: World, open_page: Callable[..., Page], axe: str
) -> None:
    scan = world.scan("completed_with_problems")
    world.problems(scan, *(f"Track {number:03d}.mp3" for number in range(60)))
    page = open_page(f"{site.url}/scans/{scan.id}")
    assert not violations(page, axe)


def test_nothing_hangs_out_sideways(world: World, live: Page) -> None:
    scan = world.scan("scanning", folder="f" * 500, reason="r" * 500)
    world.problems(scan, "x" * 500, "ü" * 500 + ".mp3")
    world.worker_beats(worker="needle@" + "w" * 70)
    world.activity("scan.requested", target="t" * 300)
    world.at(scan, "y" * 500)
    expect(live.locator(".now")).to_contain_text("yyy")
    for width in (320, 390, 768, 1280):
        live.set_viewport_size({"width": width, "height": 800})
        assert live.evaluate("document.documentElement.scrollWidth") <= width


def test_large_figures_stay_in_their_cards(
    site: Site, world: World, open_page: Callable[..., Page]
) -> None:
    world.scan("scanning", files_found=200_000, stages=stages(112_018, 200_000))
    page = open_page(site.url, locale="fr-FR")
    expect(page.locator("#stages")).to_contain_text("112")
    for width in (390, 641, 960, 1024, 1152, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert not page.evaluate(
            "[...document.querySelectorAll('.card')]"
            ".filter(card => card.scrollWidth > card.clientWidth).map(card => card.id)"
        ), width


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en-GB", ("Looking for files", "Scanning", "Finishing", "Completed with problems")),
        (
            "fr-FR",
            (
                "Recherche des fichiers",
                "Analyse en cours",
                "Finalisation",
                "Terminée avec des problèmes",
            ),
        ),
    ],
)
def test_nothing_moves_when_the_state_changes(
    site: Site,
    world: World,
    open_page: Callable[..., Page],
    width: int,
    locale: str,
    words: tuple[str, ...],
) -> None:
    page = open_page(site.url, locale=locale, viewport={"width": width, "height": 900})
    wait_live(page)
    scan, tops = world.scan("discovering"), set()
    for state, said in zip(
        ("discovering", "scanning", "finishing", "completed_with_problems"), words, strict=True
    ):
        done = time.time() if state.startswith("completed") else None
        scan = world.change(scan, state=ScanState(state), finished_at=done)
        expect(page.locator("#status li").last).to_have_text(said)
        tops.add(page.locator("#main").evaluate("main => main.getBoundingClientRect().y"))
    assert len(tops) == 1, tops


def test_list_of_scans_can_be_read_on_a_phone(
    site: Site, world: World, open_page: Callable[..., Page]
) -> None:
    last_year = time.time() - 400 * 86_400
    world.scan("completed_with_problems", started_at=last_year, finished_at=last_year + 60)
    page = open_page(f"{site.url}/scans", locale="fr-FR", viewport={"width": 390, "height": 800})
    words = page.locator("#scans tbody td").first.bounding_box()
    assert words is not None
    assert words["width"] > 80, "words fit"
    assert page.locator(".scroll").evaluate("box => box.scrollWidth <= box.clientWidth")
