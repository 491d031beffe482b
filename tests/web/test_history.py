"""The page of past scans, and missing files when nobody can be asked."""

from __future__ import annotations

import re

import httpx
import pytest
import redis

from tests.web.records import AT, publish_scan
from wire.states import ScanState


def publish(client: redis.Redis, count: int) -> None:
    """So many scans, each third failed, of two folders in turn."""
    for number in range(count):
        publish_scan(
            client,
            number,
            root_id=f"{number % 2:012x}",
            root=f"/music {number % 2}",
            state=ScanState.COMPLETED if number % 3 else ScanState.FAILED,
            finished_at=AT + number + 10,
            files_found=1200,
            counts={"new": 700, "unchanged": 500, "missing": 3, "unreadable": 2},
            requested_by="<b>mallory</b>",
        )


def rows(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200
    body = answer.text.partition('<table id="scans">')[2].partition("</table>")[0]
    return body.split("<tr>")[2:]


def number(row: str) -> int:
    found = re.search(r"/scans/20261121T010203-([0-9a-f]{6})", row)
    assert found is not None
    return int(found[1], 16)


def test_scans_are_listed_25_a_page_newest_first(
    http: httpx.Client, redis_client: redis.Redis
) -> None:
    publish(redis_client, 60)

    assert [number(row) for row in rows(http.get("/scans"))] == list(range(59, 34, -1))
    last = http.get("/scans", params={"page": 3})
    assert [number(row) for row in rows(last)] == list(range(9, -1, -1))
    assert "Page 3 of 3" in last.text
    assert rows(http.get("/scans", params={"page": 99})) == rows(last)
    assert len(rows(http.get("/scans", params={"page": "many"}))) == 25


def test_a_row_tells_who_what_how_long_and_how_many(
    http: httpx.Client, redis_client: redis.Redis
) -> None:
    publish(redis_client, 2)

    row = rows(http.get("/scans"))[0]
    assert http.get("/api/v1/scans").json()["scans"][0]["files_per_second"] == 120.2

    figures = re.findall(r'<td class="figure[^>]*>([^<]*)</td>', row)
    assert figures == ["10\u00a0s", "1,200", "120", "700", "0", "0", "3", "2"]
    assert "&lt;b&gt;mallory" in row
    assert "<b>mallory" not in row
    assert "/music 1" in row


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({"state": "failed"}, [3, 0]),
        ({"root": "000000000001"}, [5, 3, 1]),
        ({"root": "000000000001", "state": "failed"}, [3]),
        ({"root": "nowhere", "state": "lost"}, [5, 4, 3, 2, 1, 0]),
    ],
)
def test_scans_are_filtered_by_folder_and_state(
    http: httpx.Client, redis_client: redis.Redis, asked: dict[str, str], shown: list[int]
) -> None:
    publish(redis_client, 6)
    assert [number(row) for row in rows(http.get("/scans", params=asked))] == shown


def test_api_lists_20_scans_unless_asked_for_all(
    http: httpx.Client, redis_client: redis.Redis
) -> None:
    publish(redis_client, 60)
    assert len(http.get("/api/v1/scans", params={"limit": 100}).json()["scans"]) == 60
    assert len(http.get("/api/v1/scans").json()["scans"]) == 20


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "missing?older_than_days=-1", None, 422, "invalid_older_than_days"),
        ("GET", "missing?older_than_days=99999", None, 422, "invalid_older_than_days"),
        ("GET", "missing?root=nowhere", None, 422, "invalid_root"),
        ("POST", "missing/purge", {}, 422, "invalid_expected"),
        ("POST", "missing/purge", {"expected": "3"}, 422, "invalid_expected"),
        ("POST", "missing/purge", {"expected": True}, 422, "invalid_expected"),
        ("POST", "missing/purge", {"expected": 3, "root": 7}, 422, "invalid_root"),
        ("POST", "missing/purge", {"expected": 3, "older_than_days": 1.5}, 422,
         "invalid_older_than_days"),
        ("POST", "missing/purge", [], 422, "invalid_body"),
    ],
)  # fmt: skip
def test_unclear_requests_about_missing_files_are_refused(
    http: httpx.Client, method: str, path: str, body: object, status: int, code: str
) -> None:
    answer = http.request(method, f"/api/v1/{path}", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_a_form_without_a_number_is_refused(http: httpx.Client) -> None:
    assert http.post("/missing/purge", data={"days": "0"}).status_code == 422
    assert http.get("/missing", params={"days": "soon"}).status_code == 422
