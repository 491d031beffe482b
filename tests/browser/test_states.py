"""Each state of the page is drawn in plain words, with the one action that helps.

NEEDLE_TEST_SCREENSHOTS=folder keeps a picture of each: desktop and phone, light and dark, both
languages.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import wait_live
from tests.browser.site import Site, serving, settings
from tests.browser.world import FOUND, World, stages
from tests.servers import ValkeyServer, wait_until
from wire.events import ScanChanged
from wire.states import ScanMode

PICTURES = os.environ.get("NEEDLE_TEST_SCREENSHOTS")
FILE = "Björk/Homogenic/03 - Jóga.flac"


def nothing(world: World) -> None:
    world.root_seen(known_files=0)


def idle(world: World) -> None:
    world.root_seen()


def unreadable_root(world: World) -> None:
    world.root_seen(known_files=0, readable=False, message="Permission denied")


def no_worker(world: World) -> None:
    world.redis.delete(world.keys.workers, world.keys.events)
    world.redis.delete(world.keys.worker("needle@music-box"))


def queued(world: World) -> None:
    world.scan("queued", requested_at=time.time() - 12)


def queued_without_worker(world: World) -> None:
    no_worker(world)
    queued(world)


def discovering(world: World) -> None:
    scan = world.scan("discovering", files_found=18_240, counts={}, formats={}, reasons=())
    world.change(scan, stages=(replace(scan.stages[0], done=18_240, total=0),))
    world.at(scan, "Bach, Johann Sebastian/Matthäus-Passion", "scan")


def scanning(world: World) -> None:
    world.scan("completed", mode=ScanMode.QUICK, requested_at=time.time() - 90_000)
    scan = world.scan("scanning")
    world.at(scan, FILE)
    world.problems(scan, *(f"Various/Track {number:02d}.mp3" for number in range(1, 16)))
    world.activity("scan.requested", scan_id=scan.id, target=world.root.display)
    world.activity("scan.started", actor="system", scan_id=scan.id, target=world.root.display)


def finishing(world: World) -> None:
    world.scan("finishing", stages=stages(FOUND - 431))


def paused(world: World) -> None:
    world.scan("paused", reason="Paused from the page.")


def stopping(world: World) -> None:
    world.scan("stopping")


def completed(world: World) -> None:
    now = time.time()
    world.scan("completed", started_at=now - 9_660, counts={"new": FOUND})


def completed_with_problems(world: World) -> None:
    scan = world.scan("completed_with_problems")
    world.problems(scan, *(f"Various/Track {number:02d}.mp3" for number in range(1, 16)))


def cancelled(world: World) -> None:
    world.scan("cancelled", reason="Stopped from the page.")


def failed(world: World) -> None:
    world.scan("failed", reason="The catalog is full: no space is left on the device.")


def skipped(world: World) -> None:
    world.scan("skipped", reason="The music folder is empty.", counts={}, formats={}, reasons=())


def files_gone(world: World) -> None:
    reason = (
        "4812 of 50000 known files are gone, as if a disk were not mounted: "
        "nothing was marked missing."
    )
    world.scan("skipped", reason=reason, would_mark=4_812)


def scheduled(world: World) -> None:
    world.scan("completed")
    world.schedule(next_scan_at=time.time() + 90_000, next_scan_mode=ScanMode.NORMAL)
    world.watched(
        "/music is a network folder (nfs4): changes made there by other machines are not seen. "
        "Scan it on a schedule as well (NEEDLE_SCHEDULE)."
    )


def quiet(world: World) -> None:
    world.scan("paused", reason="Paused by quiet hours until 07:00.")
    world.schedule(quiet_until=time.time() + 3_600)


def stalled(world: World) -> None:
    scan = world.scan("scanning")
    world.at(scan, FILE)
    world.redis.delete(world.keys.events)
    entry = f"{int((time.time() - 60) * 1000)}-0"
    world.say(ScanChanged(scan), entry)
    world.worker_beats()
    world.at(scan, FILE)


def orphaned_queue(world: World) -> None:
    world.worker_beats(queues=("scan", "insert"))
    world.scan("scanning")
    world.redis.rpush("extract:3", *(b"{}" for _ in range(12)))


STATES: dict[str, tuple[Callable[[World], None], str, tuple[str, ...]]] = {
    # name: what happened, the section that tells, its words
    "first_run": (nothing, "#scan", ("Nothing has been scanned yet.", "readable, 312 entries")),
    "idle": (idle, "#scan", ("Ready.", "50,000 files known")),
    "unreadable": (unreadable_root, "#banner", ("cannot be read", "Permission denied")),
    "no_worker": (no_worker, "#banner", ("No worker is running", "python -m worker")),
    "queued": (queued, "#scan", ("Waiting for a worker since 1", "Stop…")),
    "queued_no_worker": (queued_without_worker, "#scan", ("Waiting for a worker since 1",)),
    "discovering": (discovering, "#scan", ("18,240 files found so far", "Matthäus-Passion")),
    "scanning": (scanning, "#scan", ("12,018 stored of 50,000 found", FILE, "running 1 h 02")),
    "finishing": (finishing, "#scan", ("All files are stored.",)),
    "paused": (paused, "#banner", ("The scan is paused.", "Resume")),
    "stopping": (stopping, "#scan", ("What is being stored is finished first",)),
    "stalled": (stalled, "#banner", ("No progress for 1 min", "Read tags", FILE)),
    "completed": (completed, "#scan", ("Completed", "took 2 h 41", "Quick scan")),
    "problems": (completed_with_problems, "#scan", ("Completed with problems", "15 files")),
    "cancelled": (cancelled, "#scan", ("Stopped", "12,018 stored files are kept.")),
    "failed": (failed, "#scan", ("Failed", "The catalog is full")),
    "skipped": (skipped, "#scan", ("Skipped", "Nothing in the catalog was changed.")),
    "files_gone": (files_gone, "#scan", ("4,812 of 50,000", "would mark 4,812", "Scan anyway…")),
    "scheduled": (scheduled, "#scan", ("Next by itself: Check of every file", "network folder")),
    "quiet": (quiet, "#scan", ("It is quiet until 07:00", "Quiet hours until")),
    "orphaned": (orphaned_queue, "#banner", ("queue extract", "NEEDLE_QUEUES=extract")),
}


@pytest.fixture
def prepared(
    request: pytest.FixtureRequest,
    world: World,
    valkey_server: ValkeyServer,
    prefix: str,
    music: Path,
) -> Iterator[Site]:
    """A site that starts after the world was brought into the state of that name."""
    STATES[request.param][0](world)
    with serving(settings(valkey_server.url, prefix, music)) as site:
        yield site


@pytest.mark.parametrize(
    ("prepared", "name"), [(name, name) for name in STATES], indirect=["prepared"], ids=list(STATES)
)
def test_state_is_told(prepared: Site, name: str, open_page: Callable[..., Page]) -> None:
    _, section, words = STATES[name]
    page = open_page(prepared.url)
    wait_live(page)
    for text in words:
        expect(page.locator(section)).to_contain_text(text)
    take_pictures(page, name)


def test_redis_down_dims_and_heals(
    private_valkey: ValkeyServer,
    prefix: str,
    music: Path,
    private_site: Site,
    open_page: Callable[..., Page],
) -> None:
    with private_valkey.client() as client:
        world = World(client, prefix, music)
        world.root_seen()
        world.worker_beats()
        scanning(world)
    page = open_page(private_site.url)
    headline = page.locator("#scan .headline")
    expect(headline).to_contain_text("12,018 stored")
    bright = colour(headline)

    private_valkey.kill()
    expect(page.locator("#banner")).to_contain_text("Redis does not answer.")
    expect(page.locator("#banner")).to_contain_text("The figures are those of")
    expect(headline).to_contain_text("12,018 stored")
    expect(page.locator("#scan button")).to_have_count(0)
    assert colour(headline) != bright
    take_pictures(page, "redis_down")

    private_valkey.start()
    expect(page.locator("#banner")).to_be_empty()
    assert colour(headline) == bright


def test_redis_away_from_the_start(
    private_valkey: ValkeyServer, private_site: Site, open_page: Callable[..., Page]
) -> None:
    private_valkey.kill()
    private_site.stop()
    private_site.start()
    page = open_page(private_site.url)
    expect(page.locator("#banner")).to_contain_text("Redis does not answer.")


def test_silent_worker_is_named(world: World, site: Site, open_page: Callable[..., Page]) -> None:
    page = open_page(site.url)
    wait_live(page)
    beat = replace(world.worker_beats(), worker="needle@attic", interval_seconds=1.0)
    world.say(beat)
    expect(page.locator("#banner")).to_contain_text("needle@attic")
    expect(page.locator("#workers")).to_contain_text("silent")


def test_scan_runs_before_the_eyes(world: World, live: Page) -> None:
    """One page sees a whole scan without being loaded again."""
    scan = world.scan("queued")
    expect(live.locator("#scan")).to_contain_text("Waiting for a worker")
    scan = world.change(scan, state="discovering", started_at=time.time(), files_found=120)
    expect(live.locator("#scan")).to_contain_text("120 files found so far")
    for done in (100, 250, 500):
        scan = world.change(
            scan, state="scanning", files_found=500, counts={"new": done}, stages=stages(done, 500)
        )
        expect(live.locator("#scan")).to_contain_text(f"{done} stored of 500 found")
    bar = live.locator("#stages progress").nth(3)
    assert bar.evaluate("bar => bar.value / bar.max") == 1
    world.change(scan, state="completed", finished_at=time.time())
    expect(live.locator("#scan")).to_contain_text("Completed")
    expect(live.locator("#last-scans tbody tr")).to_have_count(1)
    expect(live).to_have_title("Completed – Needle")


def test_clocks_go_on_between_messages(world: World, live: Page) -> None:
    world.scan("queued", requested_at=time.time() - 70)
    expect(live.locator("#scan")).to_contain_text("since 1 min 1")
    assert live.locator("time[data-for]").first.inner_text() == wait_until(
        lambda: live.locator("time[data-for]").first.inner_text(), what="a time"
    )


def test_french_is_french(site: Site, world: World, open_page: Callable[..., Page]) -> None:
    scanning(world)
    page = open_page(site.url, locale="fr-FR")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page.locator("#scan")).to_contain_text("12\u202f018 enregistrés sur 50\u202f000 trouvés")
    wait_live(page)
    expect(page.locator("#throughput")).to_contain_text("Dernier progrès\u00a0: il y a")


def test_scan_page_lists_problems(site: Site, world: World, open_page: Callable[..., Page]) -> None:
    scan = world.scan("completed_with_problems")
    world.problems(scan, *(f"Track {number:03d}.mp3" for number in range(120)))
    page = open_page(f"{site.url}/scans/{scan.id}")
    expect(page.locator(".problems tbody tr")).to_have_count(50)
    page.get_by_role("link", name="Next").click()
    expect(page.locator(".problems tbody tr").first).to_contain_text("Track 050.mp3")
    expect(page.get_by_role("link", name="CSV")).to_be_visible()
    take_pictures(page, "scan_page")


def colour(element: Locator) -> str:
    return str(element.evaluate("element => getComputedStyle(element).color"))


def take_pictures(page: Page, name: str) -> None:
    """Save what the page looks like, when a folder is asked for."""
    if not PICTURES:
        return
    for language in ("en", "fr"):
        cookie = {"name": "needle_lang", "value": language, "url": page.url}
        page.context.add_cookies([cookie])  # type: ignore[list-item]
        page.reload()
        page.wait_for_load_state("load")
        for theme in ("light", "dark"):
            page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
            for width in (1280, 390):
                page.set_viewport_size({"width": width, "height": 900})
                file = f"{name}-{width}-{theme}-{language}.png"
                page.screenshot(path=Path(PICTURES) / file, full_page=True)
    page.context.clear_cookies(name="needle_lang")
    page.set_viewport_size({"width": 1280, "height": 720})
    page.reload()
