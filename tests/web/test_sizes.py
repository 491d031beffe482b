"""Sizes and limits over HTTP: the API, the text, the page and its forms."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import redis

from tests.web.records import KEYS
from tests.web.test_openapi import validate
from tests.wire.measured import SEED, fields_of
from wire.events import Activity, decode, dump
from wire.fields import field
from wire.payloads import Finding, SizeLimits, read_limits
from wire.size_report import day_of
from wire.sizes import HIGHEST_LIMIT

SIZES, LIMITS = "/api/v1/sizes", "/api/v1/sizes/limits"


@pytest.fixture
def measured(redis_client: redis.Redis, http: httpx.Client) -> redis.Redis:
    """A Redis with the seed's fifteen tasks."""
    redis_client.hset(KEYS.sizes, mapping=SEED)  # type: ignore[arg-type]
    return redis_client


def stored_limits(client: redis.Redis) -> SizeLimits | None:
    raw = client.get(KEYS.size_limits)
    assert raw is None or isinstance(raw, bytes)
    return read_limits(raw)


def activity(client: redis.Redis) -> list[Activity]:
    """What was written of sizes, oldest first."""
    events = [decode(fields) for _, fields in client.xrange(KEYS.activity)]  # type: ignore[union-attr]
    return [e for e in events if isinstance(e, Activity) and e.action.startswith("sizes.")]


def test_report_answers_first(measured: redis.Redis, http: httpx.Client) -> None:
    answer = http.get(SIZES)
    validate(answer, SIZES)
    report = answer.json()
    assert report["answer"] == "Set 131,072: 2 of 15 were cut."
    assert (report["verdict"], report["analysed"], report["cut"]) == ("set", 15, 2)
    assert report["recommended"] == {"args": 131_072, "kwargs": 131_072}
    args = report["all"]["args"]
    assert (args["chars"]["largest"], args["chars"]["mean"]) == (45_678, 23_456)
    assert (args["recommended"]["need"], args["limit"]) == (54_813, 1_024)
    assert report["largest"]["task"] == "extract_metadata_batch"
    assert [task["task"] for task in report["tasks"]] == ["extract_metadata_batch"]
    assert [step["limit"] for step in report["table"]] == [131_072, 524_288, 1_048_576, 2_097_152]


def test_nothing_measured_is_an_answer(http: httpx.Client) -> None:
    answer = http.get(SIZES)
    validate(answer, SIZES)
    assert answer.json()["answer"] == "Nothing was measured yet."
    assert answer.json()["all"]["args"]["recommended"]["limit"] is None


def test_days_findings_and_minutes_are_told(measured: redis.Redis, http: httpx.Client) -> None:
    now = time.time()
    measured.hset(KEYS.sizes_day(day_of(now)), mapping=SEED)  # type: ignore[arg-type]
    seen = Finding("t", "not_json", "bytes", "args[0]", "", "id", now)
    measured.hset(KEYS.findings, field("last", "t", "not_json", "bytes"), dump(seen))
    minute = int(now) // 60 * 60
    measured.hset(KEYS.metrics_trend(60, minute), field("cut", "t", "args"), 7)
    answer = http.get(SIZES)
    validate(answer, SIZES)
    report = answer.json()
    assert report["all"]["days"] == report["tasks"][0]["days"]
    assert report["tasks"][0]["days"][0]["largest_args"] == 45_678
    assert report["findings"][0]["path"] == "args[0]"
    assert report["findings"][0]["meaning"].startswith("The arguments hold bytes")
    assert sum(point["cut"] for point in report["cut_per_minute"]["minutes"]) == 7
    page = http.get("/sizes").text
    assert "args[0]" in page
    assert "hold bytes" in page


def test_changes_since_last_week_are_told(measured: redis.Redis, http: httpx.Client) -> None:
    now = time.time()
    measured.hset(KEYS.sizes_day(day_of(now)), mapping=SEED)  # type: ignore[arg-type]
    small = fields_of("extract_metadata_batch", {"args": [2_000], "kwargs": [2_000]})
    measured.hset(KEYS.sizes_day(day_of(now - 86_400)), mapping=small)  # type: ignore[arg-type]
    answer = http.get(SIZES)
    validate(answer, SIZES)
    assert [alert["rule"] for alert in answer.json()["alerts"]] == ["cut_began", "grew", "grew"]
    assert "grew from 2,000 to 45,678 characters in a week" in http.get("/sizes").text
    assert "grew from 2,000 to 45,678" in http.get(f"{SIZES}.txt").text


def test_damaged_figures_are_left_out(measured: redis.Redis, http: httpx.Client) -> None:
    odd = {"n|t|args": "-5", "max|t": "x", "n|t|args|x": "1", "b|t|args|9": "1e9", "n|\xff": "NaN"}
    measured.hset(KEYS.sizes, mapping=odd)  # type: ignore[arg-type]
    measured.set(KEYS.size_limits, '{"args": "many"}')
    measured.set(KEYS.sizes_since, "nan")
    assert http.get(SIZES).json()["analysed"] == 15
    assert http.get("/sizes").status_code == 200


def test_limits_are_set_undone_and_listed(measured: redis.Redis, http: httpx.Client) -> None:
    assert http.get(LIMITS).json()["set"] is False
    done = http.put(LIMITS, json={"args": 131_072, "kwargs": 2_048})
    validate(done, LIMITS, "put")
    assert done.json() == http.get(LIMITS).json()
    now = stored_limits(measured)
    assert now is not None
    assert (now.args, now.kwargs, now.set_by) == (131_072, 2_048, "api")
    assert abs(now.set_at - time.time()) < 60

    assert http.put(LIMITS, json={"kwargs": 4_096}).json()["args"] == 131_072
    undone = http.delete(LIMITS)
    validate(undone, LIMITS, "delete")
    assert (undone.json()["args"], undone.json()["kwargs"]) == (131_072, 2_048)
    assert [entry.action for entry in activity(measured)] == [
        "sizes.limits_set",
        "sizes.limits_set",
        "sizes.limits_undone",
    ]
    assert activity(measured)[0].detail == "args 131072, kwargs 2048"


def test_nothing_set_cannot_be_undone(http: httpx.Client) -> None:
    refused = http.delete(LIMITS)
    validate(refused, LIMITS, "delete")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "nothing_to_undo")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"args": 0, "kwargs": 1_024}, "invalid_args"),
        ({"args": HIGHEST_LIMIT + 1}, "invalid_args"),
        ({"args": "131072"}, "invalid_args"),
        ({"args": 1_024, "kwargs": True}, "invalid_kwargs"),
        ({"kwargs": 1.5}, "invalid_kwargs"),
        ({}, "invalid_limits"),
        ({"args": 1_024, "automatic": True}, "invalid_limits"),
        ({"automatic": "yes"}, "invalid_automatic"),
        ({"automatic": True, "ceiling": 0}, "invalid_ceiling"),
        ([], "invalid_body"),
    ],
)
def test_odd_limits_are_refused_in_a_sentence(
    measured: redis.Redis, http: httpx.Client, body: Any, code: str
) -> None:
    refused = http.put(LIMITS, json=body)
    validate(refused, LIMITS, "put")
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, code)
    assert refused.json()["error"]["message"].endswith(".")
    assert stored_limits(measured) is None


def test_automatic_mode_is_off_by_default(measured: redis.Redis, http: httpx.Client) -> None:
    assert http.get(LIMITS).json()["automatic"] is False
    on = http.put(LIMITS, json={"automatic": True, "ceiling": 500_000})
    validate(on, LIMITS, "put")
    assert (on.json()["automatic"], on.json()["ceiling"]) == (True, 500_000)
    assert http.put(LIMITS, json={"automatic": False}).json()["automatic"] is False
    told = [entry.action for entry in activity(measured)]
    assert told == ["sizes.automatic_on", "sizes.automatic_off"]


def test_many_changes_at_once_all_count(measured: redis.Redis, http: httpx.Client) -> None:
    def put(limit: int) -> int:
        return http.put(LIMITS, json={"args": limit, "kwargs": limit}).status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(put, range(2_000, 2_008))) <= {200, 409}
    last = activity(measured)[-1]
    now = stored_limits(measured)
    assert now is not None
    assert last.detail == f"args {now.args}, kwargs {now.kwargs}"
    assert now.previous_args != now.args


def test_reset_begins_anew_and_keeps_history(measured: redis.Redis, http: httpx.Client) -> None:
    day = day_of(time.time())
    measured.hset(KEYS.sizes_day(day), mapping=SEED)  # type: ignore[arg-type]
    http.put(LIMITS, json={"args": 131_072, "kwargs": 131_072})
    found = Finding("t", "not_json", "bytes", "args[0]", "", "id", time.time())
    measured.hset(KEYS.findings, field("last", "t", "not_json", "bytes"), dump(found))
    assert len(http.get(SIZES).json()["findings"]) == 1
    done = http.delete(SIZES)
    validate(done, SIZES, "delete")
    assert (done.json()["analysed"], done.json()["findings"]) == (0, [])
    assert done.json()["since"] is not None
    assert done.json()["all"]["days"][0]["day"] == day
    assert http.get(LIMITS).json()["args"] == 131_072
    assert activity(measured)[-1].action == "sizes.reset"


def test_text_is_what_the_seed_printed(measured: redis.Redis, http: httpx.Client) -> None:
    english = http.get(f"{SIZES}.txt").text.splitlines()
    for line in (
        "=== CELERY SIZE METRICS ===",
        "Tasks analysed: 15",
        "Largest args: 45,678 characters",
        "Largest kwargs: 12,345 characters",
        "Mean args: 23,456 characters",
        "Mean kwargs: 5,678 characters",
        "Cut tasks: 2",
        "Largest task: extract_metadata_batch (args), queue extract",
        "Recommended limit for args: 131,072 characters (needed: 54,813)",
    ):
        assert line in english
    french = http.get(f"{SIZES}.txt?lang=fr").text
    assert "=== MÉTRIQUES DE TAILLE CELERY ===" in french
    assert "Tâches analysées\u00a0: 15" in french
    assert "Taille max args\u00a0: 45\u202f678 caractères" in french
    assert "(nécessaires\u00a0: 54\u202f813)" in french
    assert http.get(f"{SIZES}.txt?lang=de").status_code == 422


def test_page_says_the_answer_first(measured: redis.Redis, http: httpx.Client) -> None:
    page = http.get("/sizes").text
    assert page.index("Set 131,072: 2 of 15 were cut.") < page.index("Limits in force")
    french = http.get("/sizes", headers={"Accept-Language": "fr"}).text
    assert "Réglez 131\u202f072\u00a0: 2 sur 15 ont été tronquées." in french


def test_forms_apply_undo_and_reset(measured: redis.Redis, http: httpx.Client) -> None:
    def post(path: str, **form: object) -> None:
        done = http.post(path, data=form)
        assert (done.status_code, done.headers["location"]) == (303, "/sizes")

    post("/sizes/limits", args=131_072, kwargs=131_072)
    assert "the limits in force hold the largest" in http.get("/sizes").text
    now = stored_limits(measured)
    assert now is not None
    assert (now.args, now.set_by) == (131_072, "page")
    post("/sizes/automatic", on=1, ceiling=200_000)
    assert http.get(LIMITS).json()["ceiling"] == 200_000
    post("/sizes/automatic")
    assert http.get(LIMITS).json()["automatic"] is False
    post("/sizes/undo")
    assert stored_limits(measured) is None
    post("/sizes/reset")
    assert "Nothing was measured yet." in http.get("/sizes").text


@pytest.mark.parametrize("text", ["", "0", "x", "-1", "1e5", "999999999999"])
def test_form_with_an_odd_limit_is_refused(http: httpx.Client, text: str) -> None:
    refused = http.post("/sizes/limits", data={"args": text, "kwargs": "1024"})
    assert refused.status_code == 422
    assert "a whole number of characters from 1 to 67,108,864 is needed" in refused.text


def test_page_draws_many_and_hostile_tasks(redis_client: redis.Redis, http: httpx.Client) -> None:
    for number in range(120):
        name = f"<script>{number}</script>\u202e"
        values = {"args": [10 ** (number % 8)], "kwargs": [2]}
        redis_client.hset(KEYS.sizes, mapping=fields_of(name, values))  # type: ignore[arg-type]
    page = http.get("/sizes").text
    assert "<script>0" not in page
    assert "The first 50 of 120." in page
    assert len(json.dumps(http.get(SIZES).json()["tasks"])) > 0


def test_redis_away_is_said(http: httpx.Client, measured: redis.Redis) -> None:
    measured.delete(KEYS.sizes)
    measured.set(KEYS.sizes, "no hash")
    refused = http.get(SIZES)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "redis_unavailable")
    assert http.get("/sizes").status_code == 503
