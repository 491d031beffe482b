"""`/metrics`: what it tells, and under which names."""

from __future__ import annotations

import gzip
import json
import math
import time
from pathlib import Path

import httpx
import pytest
import redis
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)

from tests.servers import ValkeyServer, wait_until
from tests.web.conftest import page_server
from tests.web.counted import counting, ran
from tests.web.records import KEYS, beat, publish, publish_scan
from tests.web.scraping import Samples, samples_of, scrape, value, wait_for, wait_until_new
from wire.events import StageCount, WorkerGone, dump
from wire.fields import field
from wire.metrics import FAILURE, RETRY, REVOKED, TIMEOUT
from wire.payloads import Finding, SizeLimits


@pytest.fixture
def http(http: httpx.Client) -> httpx.Client:
    """A page that has forgotten the last test."""
    wait_until_new(http)
    return http


@pytest.fixture
def worked(http: httpx.Client, redis_client: redis.Redis) -> Samples:
    """A worker that has done some work, and a scrape after it."""
    with counting(redis_client) as tally:
        ran(tally, "shop.pay", 0.02, 0.3, 2.0)
        tally.tasks["shop.pay", "celery", FAILURE] += 2
        tally.failures["shop.pay", "celery", "ValueError"] += 2
        tally.tasks["shop.pay", "celery", RETRY] += 1
        tally.retries["shop.pay", "ConnectionError"] += 1
        tally.tasks["shop.pay", "celery", REVOKED] += 1
        tally.tasks["shop.pay", "celery", TIMEOUT] += 1
        tally.size("shop.pay", "wire_bytes", 900, "id", "celery")
        tally.recorder["dropped_records"] += 3
    publish(
        redis_client,
        beat(
            queues=("celery", "extract"),
            pool="prefork",
            processes=4,
            busy=1,
            prefetch=4,
            registered=3,
            active={"shop.pay": 1},
            rss_bytes=50_000_000,
            disk_read_bytes=11,
        ),
    )

    def look() -> Samples | None:
        samples = scrape(http)
        beats = value(samples, "celery_worker_pool_size", worker_name="needle@here") == 4
        counts = value(samples, "celery_task_timeouts_total", task_name="shop.pay") == 1
        return samples if beats and counts else None

    # Beats and counters come by different ways, and what was read last is kept for a second.
    found = wait_until(look, what="the page knows of the worker and of its work")
    assert isinstance(found, dict)
    return found


def test_tells_the_families_of_the_task_guide(worked: Samples) -> None:
    task = {"task_name": "shop.pay"}
    by_status = {
        status: value(worked, "celery_task_total", status=status, **task)
        for status in ("success", "failure", "retry", "revoked")
    }
    duration = {"status": "success", **task}
    assert by_status == {"success": 3, "failure": 2, "retry": 1, "revoked": 1}
    assert value(worked, "celery_task_duration_seconds_count", **duration) == 3
    assert value(worked, "celery_task_duration_seconds_sum", **duration) == pytest.approx(2.32)
    assert value(worked, "celery_task_duration_seconds_bucket", le="0.5", **duration) == 2
    assert value(worked, "celery_active_tasks", **task) == 1
    assert value(worked, "celery_task_failure_rate", **task) == pytest.approx(2, abs=0.1)
    assert value(worked, "celery_task_retries_total", reason="ConnectionError", **task) == 1
    assert value(worked, "celery_task_timeouts_total", **task) == 1
    for name, expected in (("pool_size", 4), ("pool_busy", 1), ("prefetch_count", 4)):
        assert value(worked, f"celery_worker_{name}", worker_name="needle@here") == expected


def test_buckets_hold_those_of_the_task_guide(worked: Samples) -> None:
    bounds = {
        float(dict(labels)["le"])
        for name, labels in worked
        if name == "celery_task_duration_seconds_bucket"
    }
    assert bounds >= {1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, math.inf, 0.005}


def test_tells_the_families_of_the_worker_guide(worked: Samples) -> None:
    assert value(worked, "celery_workers_active") == 1
    assert value(worked, "celery_workers_total") == 1
    assert value(worked, "celery_tasks_total", state="SUCCESS") == 3
    assert value(worked, "celery_tasks_total", state="FAILURE") == 2
    assert value(worked, "celery_tasks_total", state="RETRY") == 1
    wait = {"task_name": "shop.pay", "queue_name": "celery"}
    assert value(worked, "celery_task_wait_time_seconds_count", **wait) == 3


def test_tells_the_families_of_celery_exporter(worked: Samples) -> None:
    labels = {"name": "shop.pay", "hostname": "here", "queue_name": "celery"}
    states = ("sent", "received", "started", "succeeded", "rejected", "revoked", "retried")
    counts = {state: value(worked, f"celery_task_{state}_total", **labels) for state in states}
    assert counts == {
        "sent": 3, "received": 3, "started": 3, "succeeded": 3,
        "rejected": 0, "revoked": 1, "retried": 1,
    }  # fmt: skip
    assert value(worked, "celery_task_failed_total", exception="ValueError", **labels) == 2
    assert value(worked, "celery_task_failed_total", exception="", **labels) == 0
    assert value(worked, "celery_task_runtime_count", **labels) == 3
    assert value(worked, "celery_task_runtime_bucket", le="0.05", **labels) == 1
    assert value(worked, "celery_task_queue_wait_time_sum", **labels) == pytest.approx(1.16)
    assert value(worked, "celery_worker_up", hostname="here") == 1
    assert value(worked, "celery_worker_tasks_active", hostname="here") == 1
    for name, expected in (("consumer", 1), ("worker", 1), ("process", 4)):
        assert value(worked, f"celery_active_{name}_count", queue_name="celery") == expected


def test_tells_of_itself(worked: Samples) -> None:
    assert value(worked, "needle_redis_up") == 1
    assert value(worked, "needle_sse_clients") == 0
    assert value(worked, "needle_recorder_dropped_total", what="records") == 3
    assert value(worked, "needle_message_bytes_bucket", task_name="shop.pay", le="1024.0") == 1
    assert value(worked, "needle_message_bytes_bucket", task_name="shop.pay", le="256.0") == 0
    assert (value(worked, "needle_redis_memory_bytes") or 0) > 0
    assert (value(worked, "process_resident_memory_bytes") or 0) > 0


def test_queue_length_sums_the_lists_of_all_priorities(
    http: httpx.Client, redis_client: redis.Redis
) -> None:
    publish(redis_client, beat(queues=("extract", "emails")))
    for name in ("extract", "extract:3", "extract:9", "emails", "emails\x06\x163", "emails:5"):
        redis_client.lpush(name, "x", "y")
    redis_client.hset("unacked", "tag", "x")
    redis_client.zadd("unacked_index", {"tag": time.time() - 100})
    samples = wait_for(http, "celery_queue_length", 6, queue_name="emails")
    assert value(samples, "celery_queue_length", queue_name="extract") == 6
    assert value(samples, "celery_queue_length", queue_name="covers") == 0
    assert (value(samples, "needle_queue_memory_bytes", queue_name="emails") or 0) > 0
    assert value(samples, "needle_unacked_messages") == 1
    assert value(samples, "needle_unacked_oldest_age_seconds") == pytest.approx(100, abs=20)


def test_age_of_the_oldest_message_is_read_from_its_stamp(
    http: httpx.Client, redis_client: redis.Redis
) -> None:
    now = time.time()

    def message(age: float) -> str:
        headers = {"task": "t", "argsrepr": '["needle": [1, 2]]', "needle": [now - age, 1024, 1024]}
        properties = {"delivery_info": {"routing_key": "needle"}}
        return json.dumps({"body": "e30=", "headers": headers, "properties": properties})

    redis_client.lpush("extract", message(50), message(5))
    redis_client.lpush("extract:9", message(90))
    redis_client.lpush("scan", json.dumps({"headers": {"task": "unstamped"}}))
    samples = wait_for(http, "celery_queue_length", 3, queue_name="extract")
    name = "needle_queue_oldest_message_age_seconds"
    assert value(samples, name, queue_name="extract") == pytest.approx(90, abs=20)
    assert value(samples, name, queue_name="covers") == 0
    assert value(samples, name, queue_name="scan") is None


def test_tells_what_alerts_are_about(http: httpx.Client, redis_client: redis.Redis) -> None:
    now = time.time()
    busy = {"processes": 1, "processes_max": 1, "busy": 1, "oldest_running_at": now - 900}
    publish(redis_client, beat("stuck@here", at=now, done_at=now - 700, **busy))
    publish(redis_client, beat("fine@here", at=now, done_at=now - 1, **busy))
    for kind, age in (("not_json", 10), ("refused", 20), ("nested", 0), ("not_json", 4000)):
        finding = Finding("shop.pay", kind, f"t{age}", at=now - age)
        labels = (finding.task, finding.kind, finding.type)
        redis_client.hset(KEYS.findings, field("last", *labels), dump(finding))
    with counting(redis_client, "fine@here") as tally:
        ran(tally, "shop.pay", 0.1)
    samples = wait_for(http, "needle_not_serializable", 2, task_name="shop.pay")
    stuck = value(samples, "celery_worker_stuck_seconds", worker_name="stuck@here")
    assert stuck == pytest.approx(700, abs=1)
    fine = value(samples, "celery_worker_stuck_seconds", worker_name="fine@here")
    assert fine == pytest.approx(1, abs=1)
    assert value(samples, "needle_catalog_up") == 1
    redis_client.set(KEYS.trouble, "The disk is full.")
    wait_for(http, "needle_catalog_up", 0)


def test_worker_that_counted_and_beats_no_more_is_down(
    http: httpx.Client, redis_client: redis.Redis
) -> None:
    with counting(redis_client, "old@gone") as tally:
        ran(tally, "shop.pay", 0.1)
    with counting(redis_client, "producer@shop") as tally:
        tally.tasks["shop.pay", "celery", "sent"] += 1
    publish(redis_client, beat())
    samples = wait_for(http, "celery_worker_up", 0, hostname="gone")
    assert value(samples, "celery_workers_active") == 1
    assert value(samples, "celery_workers_total") == 2
    assert value(samples, "celery_worker_up", hostname="shop") is None
    redis_client.zadd(KEYS.metrics_hosts, {"old@gone": 1})
    redis_client.delete(KEYS.metrics_host("old@gone"))
    redis_client.zrem(KEYS.metrics_hosts, "old@gone")
    wait_until(
        lambda: value(scrape(http), "celery_worker_up", hostname="gone") is None,
        what="the series of a worker long gone are no more",
    )
    assert not any(("hostname", "gone") in labels for _, labels in scrape(http))


def test_worker_that_ended_has_no_samples(http: httpx.Client, redis_client: redis.Redis) -> None:
    publish(redis_client, beat("brief@here", processes=2))
    wait_for(http, "celery_worker_pool_size", 2, worker_name="brief@here")
    redis_client.delete(KEYS.worker("brief@here"))
    publish(redis_client, WorkerGone("brief@here", time.time()))
    samples = wait_for(http, "celery_workers_active", 0)
    assert value(samples, "celery_worker_pool_size", worker_name="brief@here") is None


def test_without_redis_nothing_is_made_up(private_valkey: ValkeyServer, tmp_path: Path) -> None:
    with page_server(private_valkey.url, tmp_path) as page, page.client() as http:
        wait_for(http, "needle_redis_up", 1)
        private_valkey.kill()
        samples = wait_for(http, "needle_redis_up", 0)
    assert not [name for name, _ in samples if name.startswith("celery_")]


def test_tells_the_scan(http: httpx.Client, redis_client: redis.Redis) -> None:
    publish_scan(
        redis_client,
        counts={"new": 3, "unreadable": 1},
        files_found=9,
        stages=(StageCount("extract", done=4, total=9, waiting=5),),
    )
    samples = wait_for(http, "needle_scan_files", 3, outcome="new")
    assert value(samples, "needle_scan_files", outcome="unreadable") == 1
    assert value(samples, "needle_scan_files_found") == 9
    assert value(samples, "needle_scan_stage_backlog_files", stage="extract") == 5
    assert value(samples, "needle_scans_active") == 1


def test_domain_metrics_keep_their_names(http: httpx.Client, redis_client: redis.Redis) -> None:
    with counting(redis_client) as tally:
        tally.domain_times["training_duration_seconds", "model_type=svm"].add(3.0)
        tally.domain_counts["training_total", "model_type=svm,status=success"] += 1
        tally.domain_gauges["tuning_best_score", "method=grid"] = 0.75
        tally.domain_gauges["celery_workers_active", ""] = 99.0
        tally.domain_gauges["no name", ""] = 1.0
        tally.domain_gauges["odd", "le=1,ok=2,a b=3"] = 1.0
    samples = wait_for(http, "training_duration_seconds_count", 1, model_type="svm")
    assert value(samples, "training_total", model_type="svm", status="success") == 1
    assert value(samples, "tuning_best_score", method="grid") == 0.75
    assert value(samples, "celery_workers_active") == 0
    assert value(samples, "odd", ok="2") == 1


def test_limits_in_force_are_told(http: httpx.Client, redis_client: redis.Redis) -> None:
    redis_client.set(KEYS.size_limits, dump(SizeLimits(131_072, 2_048)))
    wait_for(http, "needle_repr_limit_chars", 131_072, part="args")


def test_both_formats_say_the_same(http: httpx.Client, worked: Samples) -> None:
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    answer = http.get("/metrics", headers=accept)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    told = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse_openmetrics(answer.text)
        for sample in family.samples
    }
    changing = ("process_", "needle_redis_memory", "needle_recorder", "celery_task_failure_rate")
    steady = {key for key in worked if not key[0].startswith(changing)}
    assert {key: worked[key] for key in steady} == {key: told[key] for key in steady}
    assert told.keys() == worked.keys()


def test_prometheus_gets_the_text_format_zipped(http: httpx.Client, worked: Samples) -> None:
    accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"
    headers = {"Accept": accept, "Accept-Encoding": "gzip"}
    with http.stream("GET", "/metrics", headers=headers) as answer:
        body = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert samples_of(gzip.decompress(body).decode()).keys() == worked.keys()
