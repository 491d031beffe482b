"""What people do on the page works with and without JavaScript, by mouse and by keyboard."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Complaints, wait_live
from tests.browser.site import Site, serving, settings
from tests.browser.world import World
from tests.servers import ValkeyServer, wait_until
from wire.events import Scan, load
from wire.keys import Keys
from wire.states import ScanMode
from wire.text import path_from_wire, path_to_wire

JAVASCRIPT = pytest.mark.parametrize("javascript", [True, False], ids=["script", "plain"])


def scans(world: World) -> list[bytes]:
    return list(world.redis.zrange(world.keys.scans, 0, -1))  # type: ignore[arg-type]


def newest(world: World) -> Scan:
    doc = world.redis.hget(world.keys.scan(scans(world)[-1].decode()), "doc")
    return load(Scan, doc)  # type: ignore[arg-type]


def loaded_button(page: Page, name: str) -> Locator:
    """That button, after as many loads as it takes: a page without script is as old as its load."""
    button = page.get_by_role("button", name=name)

    def is_there() -> bool:
        page.reload()
        return button.count() > 0

    wait_until(is_there, what=f"the button {name}")
    return button


@JAVASCRIPT
def test_start_and_stop(
    site: Site, world: World, open_page: Callable[..., Page], javascript: bool
) -> None:
    page = open_page(site.url, java_script_enabled=javascript)
    page.get_by_role("button", name="Quick scan").click()
    expect(page.locator("#scan")).to_contain_text("Waiting for a worker")
    expect(page).to_have_url(site.url + "/")
    (scan_id,) = scans(world)

    page.get_by_role("button", name="Stop…").click()
    page.get_by_role("button", name="Stop the scan").click()
    page.wait_for_load_state("load")
    control = world.redis.hgetall(world.keys.control(scan_id.decode()))
    assert control == {b"stop": b"page"}


@JAVASCRIPT
def test_full_scan_tells_its_cost_first(
    site: Site, world: World, open_page: Callable[..., Page], javascript: bool
) -> None:
    done = world.scan("completed")
    world.change(done, started_at=1_000_000.0, finished_at=1_009_660.0)
    page = open_page(site.url, java_script_enabled=javascript)
    page.get_by_role("button", name="Full scan…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("reads all 50,000 files again")
    expect(dialog).to_contain_text("The last one took 2 h 41.")
    assert len(scans(world)) == 1
    dialog.get_by_role("button", name="Read all files again").click()
    expect(page.locator("#scan")).to_contain_text("Full scan")
    expect(page.locator("#scan")).to_contain_text("Waiting for a worker")


@JAVASCRIPT
def test_every_file_can_be_checked(
    site: Site, world: World, open_page: Callable[..., Page], javascript: bool
) -> None:
    page = open_page(site.url, java_script_enabled=javascript)
    loaded_button(page, "Full scan…").click()
    page.get_by_role("dialog").get_by_role("button", name="Check every file").click()
    expect(page.locator("#scan")).to_contain_text("Waiting for a worker")
    assert newest(world).mode is ScanMode.NORMAL


@JAVASCRIPT
def test_scan_anyway_tells_what_it_would_mark(
    site: Site, world: World, open_page: Callable[..., Page], javascript: bool
) -> None:
    world.scan("skipped", mode=ScanMode.NORMAL, reason="Files are gone.", would_mark=4_812)
    page = open_page(site.url, java_script_enabled=javascript)
    loaded_button(page, "Scan anyway…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("It would mark 4,812 files as missing. Nothing is deleted")
    assert len(scans(world)) == 1
    dialog.get_by_role("button", name="Scan and mark them").click()
    expect(page.locator("#scan")).to_contain_text("Waiting for a worker")
    scan = newest(world)
    assert (scan.mark_anyway, scan.mode, scan.folder) == (True, ScanMode.NORMAL, "")


def test_scan_anyway_is_about_the_same_folder(
    site: Site, world: World, music: Path, open_page: Callable[..., Page]
) -> None:
    (music / "Björk & co/<b>").mkdir(parents=True)
    world.scan("skipped", folder="Björk & co/<b>", reason="Files are gone.", would_mark=60)
    page = open_page(site.url)
    loaded_button(page, "Scan anyway…").click()
    page.get_by_role("button", name="Scan and mark them").click()
    expect(page.locator("#scan")).to_contain_text("Waiting for a worker")
    assert newest(world).folder == "Björk & co/<b>"


def test_nothing_is_scanned_anyway_without_a_reason(
    site: Site, world: World, open_page: Callable[..., Page]
) -> None:
    world.scan("skipped", reason="/music cannot be read.")
    page = open_page(site.url)
    expect(page.locator("#scan")).to_contain_text("Skipped")
    expect(page.get_by_role("button", name="Scan anyway…")).to_have_count(0)


@JAVASCRIPT
@pytest.mark.parametrize("address", ["/", "/scans/{}"], ids=["live", "scan"])
def test_problems_are_read_again(
    site: Site, world: World, open_page: Callable[..., Page], javascript: bool, address: str
) -> None:
    done = world.scan("completed_with_problems")
    world.problems(done, "one.mp3")
    page = open_page(site.url + address.format(done.id), java_script_enabled=javascript)
    loaded_button(page, "Read these files again").click()
    expect(page.locator("#scan")).to_contain_text("Waiting for a worker")
    expect(page).to_have_url(site.url + "/")
    assert newest(world).mode is ScanMode.RETRY
    expect(page.get_by_role("button", name="Read these files again")).to_have_count(0)


@pytest.mark.parametrize(
    ("path", "exact"),
    [('Björk & co/50% "<i>" ?+#\\.mp3', ""), ("no\\xe9\\x0atext.mp3", "no%E9%0Atext.mp3")],
)
@JAVASCRIPT
def test_one_file_is_read_again(
    site: Site,
    world: World,
    music: Path,
    open_page: Callable[..., Page],
    javascript: bool,
    path: str,
    exact: str,
) -> None:
    file = os.path.join(os.fsencode(music), path_from_wire(exact) or path.encode())
    os.makedirs(os.path.dirname(file), exist_ok=True)
    Path(os.fsdecode(file)).touch()
    done = world.scan("completed_with_problems")
    world.problems(done, path, exact=exact)
    page = open_page(site.url, java_script_enabled=javascript)
    button = loaded_button(page, "Read again")
    expect(button).to_have_accessible_description(path)
    button.click()
    expect(page.locator("#scan")).to_contain_text("Waiting for a worker")
    scan = newest(world)
    wanted = exact or path_to_wire(path.encode())
    assert (scan.mode, scan.folder_path) == (ScanMode.FULL, wanted)


def test_nothing_is_read_again_during_a_scan(
    site: Site, world: World, open_page: Callable[..., Page]
) -> None:
    done = world.scan("completed_with_problems", requested_at=1_000_000.0)
    world.problems(done, "one.mp3")
    world.scan("scanning")
    page = open_page(f"{site.url}/scans/{done.id}")
    expect(page.locator(".problems")).to_contain_text("one.mp3")
    expect(page.get_by_role("button", name="again")).to_have_count(0)


@JAVASCRIPT
def test_pause_and_resume(
    site: Site, world: World, open_page: Callable[..., Page], javascript: bool
) -> None:
    scan = world.scan("scanning")
    page = open_page(site.url, java_script_enabled=javascript)
    page.get_by_role("button", name="Pause").click()
    page.wait_for_load_state("load")
    assert world.redis.hget(world.keys.control(scan.id), "pause") == b"page"
    world.change(scan, state="paused", reason="Paused from the page.")
    page.goto(site.url)
    expect(page.locator("#banner")).to_contain_text("The scan is paused.")
    page.locator("#banner").get_by_role("button", name="Resume").click()
    page.wait_for_load_state("load")
    assert not world.redis.hexists(world.keys.control(scan.id), "pause")


@JAVASCRIPT
def test_theme_stays(site: Site, open_page: Callable[..., Page], javascript: bool) -> None:
    page = open_page(site.url, java_script_enabled=javascript)
    with page.expect_response("**/theme"):
        page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    page.goto(site.url)
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_theme_changes_without_reload(site: Site, live: Page) -> None:
    live.evaluate("window.same = true")
    with live.expect_response("**/theme"):
        live.get_by_role("button", name="Light").click()
    expect(live.locator("html")).to_have_attribute("data-theme", "light")
    assert live.evaluate("window.same")


@JAVASCRIPT
def test_language_stays(site: Site, open_page: Callable[..., Page], javascript: bool) -> None:
    page = open_page(site.url, java_script_enabled=javascript)
    page.get_by_role("button", name="Français").click()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    page.goto(site.url)
    expect(page.locator("#scan")).to_contain_text("Analyse rapide")


def test_second_start_shows_the_running_scan(
    site: Site, world: World, open_page: Callable[..., Page]
) -> None:
    page = open_page(site.url)
    other = open_page(site.url)
    page.get_by_role("button", name="Quick scan").click()
    expect(page.locator("#scan")).to_contain_text("Waiting for a worker")
    wait_live(other)
    expect(other.locator("#scan")).to_contain_text("Waiting for a worker")
    expect(other.get_by_role("button", name="Quick scan")).to_have_count(0)
    assert len(scans(world)) == 1


def test_one_of_several_folders_is_chosen(
    valkey_server: ValkeyServer,
    world: World,
    prefix: str,
    music: Path,
    open_page: Callable[..., Page],
    several: Path,
) -> None:
    with serving(settings(valkey_server.url, prefix, f"{music}:{several}")) as site:
        page = open_page(site.url)
        page.get_by_label("Folder").select_option(label=str(several))
        page.get_by_role("button", name="Quick scan").click()
        expect(page.locator("#scan h2")).to_contain_text(str(several))
        page.close()


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """A second music folder."""
    folder = tmp_path / "more"
    folder.mkdir()
    return folder


def test_keyboard_reaches_everything(site: Site, world: World, live: Page) -> None:
    scan = world.scan("scanning")
    world.problems(scan, "one.mp3")
    expect(live.locator(".problems li")).to_have_count(1)
    reached = set()
    for _ in range(25):
        live.keyboard.press("Tab")
        reached.add(
            live.evaluate(
                """() => { const element = document.activeElement;
                    return element.getAttribute("aria-label") || element.textContent.trim(); }"""
            )
        )
    assert {"Skip to the content", "FR Français", "Dark", "Pause", "Stop…", "CSV"} <= reached


def test_skip_link_is_first_and_seen(site: Site, live: Page) -> None:
    live.keyboard.press("Tab")
    link = live.get_by_role("link", name="Skip to the content")
    expect(link).to_be_focused()
    expect(link).to_be_in_viewport()
    live.keyboard.press("Enter")
    expect(live).to_have_url(site.url + "/#main")


def test_unknown_scan_is_explained(
    site: Site, open_page: Callable[..., Page], complaints: Complaints
) -> None:
    page = open_page(f"{site.url}/scans/20261121T010203-000000")
    expect(page.get_by_role("main")).to_contain_text("no scan with this id")
    expect(page.get_by_role("link", name="The live page")).to_be_visible()
    complaints.forgive()


def test_keys_of_the_test_are_its_own(redis_client: redis.Redis, world: World) -> None:
    """The fixtures' own promise: nothing is written under the default prefix."""
    assert not redis_client.keys(Keys().prefix + ":*")
