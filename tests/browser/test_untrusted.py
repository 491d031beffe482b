"""A hostile library goes through real scans; page, API, files, logs and terminal stay intact."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import shutil
import subprocess
import threading
import unicodedata
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import wait_live
from tests.cli.running import NEEDLE, environment, needle
from tests.hostile import FORGED, OSC, TEXTS, make_hostile_library
from tests.integration.stack import Stack, stack

FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
#: Neither a line break nor a tab, and nothing that a terminal or an editor obeys.
RAW_CONTROLS = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")
BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
FOREIGN = (
    ":is(main, header) :is(script, img, iframe, object, embed, template, hx-partial,"
    "[onerror], [onload], [onmouseover], [hx-get], [style], form[action*='evil'], a[href*='evil'])"
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that has scanned a hostile library, lost a part of it, and scanned it again."""
    folder = tmp_path_factory.mktemp("hostile")
    music = folder / "Music"
    make_hostile_library(music)
    with stack(folder, music) as running:
        scan = running.run_scan("full")
        assert scan["state"] == "completed_with_problems"
        shutil.rmtree(next(music.glob("01*")))
        running.run_scan("quick")
        yield running


@pytest.fixture
def scan_id(hostile: Stack) -> str:
    """The scan with the problems: the first one."""
    return str(hostile.get("/api/v1/scans")["scans"][-1]["id"])


def paths(running: Stack, scan_id: str) -> list[str]:
    """Pages that show text of files."""
    found = running.get("/api/v1/library/search?limit=50")
    albums = [f"/library/albums/{row['id']}" for row in found["albums"]["rows"][:8]]
    artists = [f"/library/artists/{row['id']}" for row in found["artists"]["rows"][:8]]
    assert albums
    assert artists
    search = ("/library?q=script", "/library?q=%3Cscript%3E&kind=tracks", "/library?q=broken")
    return ["/", "/scans", f"/scans/{scan_id}", "/library", *search, "/missing", *albums, *artists]


@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
def test_page_shows_text_and_nothing_happens(
    hostile: Stack, scan_id: str, open_page: Callable[..., Page], locale: str
) -> None:
    page = open_page(hostile.url, locale=locale)
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    for path in paths(hostile, scan_id):
        page.goto(hostile.url + path)
        assert_harmless(page, path)
    assert dialogs == []


def test_stream_of_a_running_scan_is_harmless(
    hostile: Stack, open_page: Callable[..., Page]
) -> None:
    page = open_page(hostile.url)
    wait_live(page)
    scan = hostile.run_scan("full")
    expect(page.locator("#banner")).to_have_attribute("data-phase", scan["state"])
    assert_harmless(page, "stream")
    wait_live(page)


def assert_harmless(page: Page, path: str) -> None:
    """No script ran, no element came from text, no character turns around what is not its own."""
    assert page.evaluate("window.hit") is None, path
    assert page.locator(FOREIGN).count() == 0, path
    assert page.locator("#main, main").count() == 1, path
    loose = page.evaluate(
        """bidi => {
            const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            const loose = [];
            while (walker.nextNode())
                if ([...walker.currentNode.data].some(c => bidi.includes(c))
                    && !walker.currentNode.parentElement.closest("bdi, option"))
                    loose.push(walker.currentNode.parentElement.outerHTML);
            return loose; }""",
        BIDI,
    )
    assert loose == [], path
    assert len(page.content()) < 2_000_000, path


def test_api_is_json_without_controls(hostile: Stack, scan_id: str) -> None:
    some = ("/scans", f"/scans/{scan_id}", f"/scans/{scan_id}/problems?limit=1000", "/status",
            "/library", "/library/search?limit=50", "/missing")  # fmt: skip
    with httpx.Client(base_url=hostile.url + "/api/v1", timeout=20) as http:
        for path in some:
            answer = http.get(path)
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("application/json")
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert not RAW_CONTROLS.search(answer.content), path
            assert answer.json()


def test_problems_as_csv_are_rows_of_text(hostile: Stack, scan_id: str) -> None:
    with httpx.Client(base_url=hostile.url, timeout=20) as http:
        data = http.get(f"/api/v1/scans/{scan_id}/problems.csv").content
    printed = needle("problems", scan_id, "--csv", "--url", hostile.url).stdout
    assert printed.encode() == data.replace(b"\r\n", b"\n")
    assert not RAW_CONTROLS.search(data.replace(b"\r\n", b"\n"))
    _, *rows = csv.reader(io.StringIO(data.decode()))
    assert len(rows) >= 2 * len(TEXTS)
    assert {len(row) for row in rows} == {7}
    assert not [cell for row in rows for cell in row if FORMULA.match(cell)]


@pytest.mark.parametrize("table", ["tracks", "albums", "artists", "files"])
def test_export_is_rows_of_text(hostile: Stack, table: str) -> None:
    options = ("--table", table, "--data", str(hostile.data))
    done = needle("export", "--format", "csv", *options)
    assert not done.stderr
    data = done.stdout
    header, *rows = csv.reader(io.StringIO(data))
    assert rows
    assert {len(row) for row in rows} == {len(header)}
    numbers = re.compile(r"-?[\d.]+$")
    cells = [cell for row in rows for cell in row if not numbers.match(cell)]
    assert not [cell for cell in cells if FORMULA.match(cell)]
    assert not RAW_CONTROLS.search(data.encode())
    lines = needle("export", *options).stdout.splitlines()
    assert len([json.loads(line) for line in lines]) == len(rows)


def test_logs_hold_a_record_a_line(hostile: Stack) -> None:
    for part in (hostile.worker, hostile.web):
        data = part.log.read_bytes()
        assert not RAW_CONTROLS.search(data), part.name
        assert FORGED.encode() not in [line[: len(FORGED)] for line in data.splitlines()]
    assert data == b""  # there is nothing that the page has to complain about


def test_terminal_gets_text_only(hostile: Stack, scan_id: str) -> None:
    commands = (
        ("status",),
        ("problems", scan_id),
        ("scan", "--wait", "--full"),
        ("status", "--json"),
    )
    for command in commands:
        printed = in_a_terminal(*command, "--url", hostile.url)
        assert printed, command
        assert OSC not in printed
        for forbidden in ("\x1b[31m", "\x1b[2J", "\x9b", "\x00", "\x07", "\x08", "\ud800"):
            assert forbidden not in printed, (command, forbidden)
        assert not [line for line in printed.splitlines() if line.startswith(FORGED)]
        assert not set(BIDI) & set(printed), command
        left = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", printed)  # those of the progress bar
        assert {c for c in left if unicodedata.category(c) == "Cc"} <= {"\n", "\r", "\t"}


def in_a_terminal(*arguments: str) -> str:
    """What a command prints on a terminal."""
    terminal, side = pty.openpty()
    chunks: list[bytes] = []

    def read() -> None:
        try:
            while data := os.read(terminal, 65536):
                chunks.append(data)
        except OSError:  # the other side is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    subprocess.run(
        [*NEEDLE, *arguments], stdin=side, stdout=side, stderr=side, env=environment(TERM="xterm"),
        timeout=90, check=False,
    )  # fmt: skip
    os.close(side)
    reader.join(10)
    os.close(terminal)
    return b"".join(chunks).decode("utf-8", "surrogateescape")
