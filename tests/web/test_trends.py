"""Trends: from roll-ups in Redis to lines, over the real server."""

from __future__ import annotations

import re
import time
from typing import Any

import httpx
import redis
from hypothesis import given
from hypothesis import strategies as st

from tests.web.records import KEYS
from web.trends import HEIGHT, WIDTH, Chart, Line, Span, charts
from wire.fields import field
from wire.metrics import ALL, FAILURE, RETRY, SUCCESS, TrendPoint, bucket_label


def minute(ago: int = 1) -> int:
    """The start of a minute that is over."""
    return int(time.time()) // 60 * 60 - 60 * ago


def publish(client: redis.Redis, at: int, **counters: Any) -> None:
    """What the recorders of one minute would have left."""
    fields: Any = {
        field("task", "t", SUCCESS): 30,
        field("task", "u", SUCCESS): 12,
        field("task", "t", FAILURE): 3,
        field("task", "t", RETRY): 1,
        field("duration", ALL, bucket_label(2.0)): 45,
        field("duration_us", ALL): 90_000_000,
        field("wait", "scan", bucket_label(0.2)): 45,
        field("depth", "<b>scan</b>", "n"): 1,
        field("depth", "<b>scan</b>", "sum"): 7,
        field("depth", "<b>scan</b>", "max"): 7,
        field("rss", "needle@pi", "n"): 1,
        field("rss", "needle@pi", "sum"): 150_000_000,
        field("rss", "needle@pi", "max"): 150_000_000,
        field("cpu", "needle@pi", "n"): 1,
        field("cpu", "needle@pi", "sum"): 870,
        field("cpu", "needle@pi", "max"): 870,
    }
    client.hset(KEYS.metrics_trend(60, at), mapping=fields | counters)


def lines(http: httpx.Client, key: str, span: str = "minute") -> dict[str, list[float | None]]:
    answer = http.get("/api/v1/trends", params={"span": span}).raise_for_status().json()
    [chart] = [chart for chart in answer["charts"] if chart["key"] == key]
    assert all(len(line["values"]) == len(answer["at"]) for line in chart["lines"])
    return {line["name"]: line["values"] for line in chart["lines"]}


def test_figures_are_those_of_the_minute(http: httpx.Client, redis_client: redis.Redis) -> None:
    publish(redis_client, minute(2))
    assert 42 in lines(http, "throughput")["success"]
    assert 3 in lines(http, "failures")["failure"]
    assert 1 in lines(http, "failures")["retry"]
    assert 7 in lines(http, "depth")["<b>scan</b>"]
    assert 150_000_000 in lines(http, "memory")["needle@pi"]
    assert 87 in lines(http, "cpu")["needle@pi"]
    assert next(v for v in lines(http, "duration")["p95"] if v is not None) > 1


def test_minutes_without_a_measurement_are_gaps(
    http: httpx.Client, redis_client: redis.Redis
) -> None:
    publish(redis_client, minute(3))
    values = lines(http, "throughput")["success"]
    assert sum(value is not None for value in values) == 1


def test_page_draws_and_tells_the_numbers(http: httpx.Client, redis_client: redis.Redis) -> None:
    for ago in range(1, 5):
        publish(redis_client, minute(ago))
    page = http.get("/trends").raise_for_status().text
    assert re.search(r'<polyline class="f0" points="[\d., ]+"', page)
    assert "&lt;b&gt;scan&lt;/b&gt;" in page
    assert "150 MB" in page.replace("\u00a0", " ")
    french = http.get("/trends", headers={"Accept-Language": "fr"}).text
    assert "Durée des tâches" in french


def test_page_without_figures_says_so(http: httpx.Client, redis_client: redis.Redis) -> None:
    redis_client.ping()
    for span in Span:
        assert "Nothing was measured" in http.get("/trends", params={"span": span}).text


def test_unknown_span_is_refused(http: httpx.Client) -> None:
    answer = http.get("/api/v1/trends", params={"span": "year"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_span")


def test_something_else_under_a_key_is_a_gap(http: httpx.Client, redis_client: redis.Redis) -> None:
    redis_client.set(KEYS.metrics_trend(60, minute(1)), "forged")
    publish(redis_client, minute(2))
    assert 42 in lines(http, "throughput")["success"]


def test_the_point_that_runs_is_no_fall() -> None:
    point = TrendPoint(at=600, tasks={("t", SUCCESS): 10})
    [throughput] = [c for c in charts([point], Span.MINUTE, now=610) if c.key == "throughput"]
    assert throughput.lines[0].values == (60,)
    [throughput, *_] = charts([point], Span.MINUTE, now=605)
    assert throughput.lines[0].values == (None,)


@given(st.lists(st.one_of(st.none(), st.floats(0, 1e12)), min_size=1, max_size=90))
def test_every_known_point_is_drawn_inside(values: list[float | None]) -> None:
    line = Line("x", tuple(values))
    chart = Chart("x", "", (line,))
    drawn = " ".join(chart.points(line)).split()
    assert len(drawn) >= len(line.known)
    for point in drawn:
        x, y = map(float, point.split(","))
        assert -1 <= x <= WIDTH + 1
        assert 0 <= y <= HEIGHT
