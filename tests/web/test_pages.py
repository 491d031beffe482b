"""Pages and forms as a browser without JavaScript uses them."""

from __future__ import annotations

import re

import httpx
import pytest
import redis

from tests.servers import wait_until
from tests.web.conftest import PageServer
from tests.web.records import KEYS, problem, publish_problems, publish_scan
from web.render import SECTIONS


def ids(html: str) -> set[str]:
    return set(re.findall(r'\bid="([\w-]+)"', html))


def test_page_holds_every_section(http: httpx.Client) -> None:
    answer = http.get("/")
    assert answer.status_code == 200
    assert {section.id for section in SECTIONS} <= ids(answer.text)


def test_start_comes_back_and_shows_the_scan(http: httpx.Client, page: PageServer) -> None:
    answer = http.post("/scans", data={"mode": "full", "root": page.root.id})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert str(page.music) in http.get("/").text


def test_htmx_gets_the_section_instead(http: httpx.Client) -> None:
    answer = http.post("/scans", data={"mode": "quick"}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert answer.text.startswith('<hx-partial hx-target="#scan"')


@pytest.mark.parametrize("action", ["stop", "pause", "resume"])
def test_request_comes_back(
    http: httpx.Client, page: PageServer, redis_client: redis.Redis, action: str
) -> None:
    scan = publish_scan(redis_client)
    referer = f"{page.url}/scans/{scan.id}?page=2"
    answer = http.post(f"/scans/{scan.id}/{action}", headers={"Referer": referer})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/scans/{scan.id}?page=2"
    assert '"actor":"page"' in str(redis_client.xrange(KEYS.activity))


@pytest.mark.parametrize(
    "referer", ["http://evil.example/scans", "//evil.example", "javascript:alert(1)", "http://["]
)
def test_nobody_is_sent_elsewhere(http: httpx.Client, referer: str) -> None:
    answer = http.post("/theme", data={"theme": "dark"}, headers={"Referer": referer})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_own_address_cannot_lead_elsewhere(http: httpx.Client, page: PageServer) -> None:
    referer = f"{page.url}//evil.example/x"
    answer = http.post("/theme", data={"theme": "dark"}, headers={"Referer": referer})
    assert answer.headers["location"] == "/evil.example/x"


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/scans", {"mode": "slow"}, 422),
        ("/scans", {"mode": "quick", "root": "/etc"}, 403),
        ("/scans/20200101T000000-000000/stop", {}, 404),
        ("/scans/none/stop", {}, 404),
        ("/language", {"lang": "xx"}, 422),
        ("/theme", {}, 422),
    ],
)
def test_refusal_is_a_page(
    http: httpx.Client, path: str, fields: dict[str, str], status: int
) -> None:
    answer = http.post(path, data=fields)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert "<h1>" in answer.text


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a=1&" * 50])
def test_form_that_is_none_is_refused(http: httpx.Client, body: bytes) -> None:
    assert http.post("/scans", content=body).status_code == 422


def test_unknown_page_is_a_page(http: httpx.Client) -> None:
    answer = http.get("/<script>alert(1)</script>")
    assert answer.status_code == 404
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("fr-CH, fr;q=0.9, en;q=0.8", "fr"),
        ("de, en;q=0.3, fr;q=0.7", "fr"),
        ("en-GB,fr;q=0.5", "en"),
        ("de", "en"),
        ("fr;q=0, en;q=0.1", "en"),
        ("fr;q=high,,;;", "en"),
        ("", "en"),
    ],
)
def test_browser_is_answered_in_its_language(
    http: httpx.Client, accepted: str, language: str
) -> None:
    answer = http.get("/", headers={"Accept-Language": accepted})
    assert f'<html lang="{language}"' in answer.text


def test_chosen_language_and_theme_stay(http: httpx.Client) -> None:
    assert http.post("/language", data={"lang": "fr"}).status_code == 303
    assert http.post("/theme", data={"theme": "dark"}).status_code == 303
    text = http.get("/", headers={"Accept-Language": "en"}).text
    assert '<html lang="fr" data-theme="dark">' in text
    cookie = next(c for c in http.cookies.jar if c.name == "needle_lang")
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "lax"


def test_odd_cookies_are_ignored(http: httpx.Client) -> None:
    answer = http.get("/", headers={"Cookie": "needle_lang=xx; needle_theme=<b>; =;"})
    assert '<html lang="en" data-theme="auto">' in answer.text


def test_scan_page_lists_and_filters_problems(
    http: httpx.Client, redis_client: redis.Redis
) -> None:
    scan = publish_scan(redis_client, counts={"unreadable": 100, "timed_out": 5})
    rows = [problem(n) for n in range(1, 101)]
    rows += [problem(n, outcome="timed_out", path=f"slow/{n}.mp3") for n in range(101, 106)]
    publish_problems(redis_client, scan.id, rows)

    def paths(query: str) -> list[str]:
        return re.findall(r"(?:odd|slow)/(\d+)\.mp3", http.get(f"/scans/{scan.id}?{query}").text)

    assert paths("") == [str(n) for n in range(1, 51)]
    assert paths("page=3") == [str(n) for n in range(101, 106)]
    assert paths("page=99") == paths("page=3")
    assert paths("page=x") == paths("page=-1") == paths("")
    assert paths("outcome=timed_out") == [str(n) for n in range(101, 106)]
    assert paths("outcome=<script>") == paths("")


@pytest.mark.parametrize("address", ["/", "/scans/20261121T010203-000001"])
def test_untrusted_text_is_escaped(
    http: httpx.Client, redis_client: redis.Redis, address: str
) -> None:
    hostile = "<script>alert(1)</script>\u202e\x1b[31m\r\ndata: x\n\n<hx-partial>"
    scan = publish_scan(
        redis_client, root=hostile, reason=hostile, counts={hostile: 3, "unreadable": 1},
        formats={hostile: 3}, requested_by=hostile,
    )  # fmt: skip
    publish_problems(
        redis_client, scan.id, [problem(1, path=hostile, message=hostile, error_class=hostile)]
    )
    wait_until(lambda: "alert(1)" in http.get("/").text, what="the scan is shown")
    text = http.get(address).text
    assert "<script>alert" not in text
    assert "<hx-partial>" not in text


def test_versioned_files_are_kept_for_ever(http: httpx.Client) -> None:
    (address,) = re.findall(r'href="(/static/app\.css\?v=\w+)"', http.get("/").text)
    assert "immutable" in http.get(address).headers["cache-control"]
    assert http.get("/static/app.css").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path", ["../app.py", "%2e%2e/app.py", "..%2fapp.py", "vendor/../../app.py"]
)
def test_static_files_stay_in_their_folder(http: httpx.Client, path: str) -> None:
    assert http.get(f"/static/{path}").status_code == 404
