"""`/metrics`: nothing in Redis can break it or make it grow without end."""

from __future__ import annotations

import math

import httpx
import pytest
import redis

from tests.web.counted import counting, ran
from tests.web.records import KEYS, beat, publish
from tests.web.scraping import value, wait_for, wait_until_new
from web.metrics.measured import HOST_FIELDS_MAX
from web.metrics.monitor import HostMemory
from wire.metrics import HostTotals


@pytest.fixture
def http(http: httpx.Client) -> httpx.Client:
    """A page that has forgotten the last test."""
    wait_until_new(http)
    return http


@pytest.mark.parametrize("number", ["NaN", "1e308", "-5", "inf", "x", "", "9" * 30, "\ud83d"])
def test_forged_numbers_are_left_out(
    http: httpx.Client, redis_client: redis.Redis, number: str
) -> None:
    text = number.encode("utf-8", "surrogatepass")
    forged = {"task|evil|success": text, "duration|evil|success|1": text, "task|good|success": b"7"}
    redis_client.hset(KEYS.metrics_totals, mapping=forged)  # type: ignore[arg-type]
    redis_client.hset(KEYS.metrics_domain, "gauge|evil|", text)
    redis_client.set(KEYS.size_limits, text)
    samples = wait_for(http, "celery_task_total", 7, task_name="good", status="success")
    assert value(samples, "celery_task_total", task_name="evil", status="success") in (None, 0)
    assert all(math.isfinite(number) for number in samples.values())


def test_keys_of_another_type_are_unknown(http: httpx.Client, redis_client: redis.Redis) -> None:
    odd = (KEYS.metrics_totals, KEYS.metrics_domain, KEYS.metrics_hosts, KEYS.sizes, "extract:3")
    for key in (*odd, "unacked", "unacked_index", KEYS.dead, KEYS.size_limits):
        redis_client.sadd(key, "x")
    redis_client.set("covers", "no list")
    redis_client.lpush("extract", "x")
    samples = wait_for(http, "celery_queue_length", 1, queue_name="extract")
    assert value(samples, "celery_queue_length", queue_name="covers") is None
    assert value(samples, "needle_unacked_messages") is None
    assert value(samples, "needle_unacked_oldest_age_seconds") is None


def test_hostile_names_are_labels_like_others(
    http: httpx.Client, redis_client: redis.Redis
) -> None:
    name = 'a"b\\c%s %d{}\n# HELP x'
    with counting(redis_client) as tally:
        ran(tally, name, 0.1)
    publish(redis_client, beat('ev"il@x\ny', queues=('q"\\', "\udc80"), processes=3))
    samples = wait_for(http, "celery_worker_pool_size", 3, worker_name='ev"il@x\ny')
    assert value(samples, "celery_task_total", task_name=name, status="success") == 1


def test_too_many_names_of_tasks_are_one(http: httpx.Client, redis_client: redis.Redis) -> None:
    forged = {f"task|t{number:05}|success": "1" for number in range(1_500)}
    redis_client.hset(KEYS.metrics_totals, mapping=forged)  # type: ignore[arg-type]
    samples = wait_for(http, "celery_task_total", 1, task_name="t00000", status="success")
    assert value(samples, "celery_task_total", task_name="other", status="success") == 500
    names = {labels for name, labels in samples if name == "celery_task_timeouts_total"}
    assert len(names) <= 1_001


def test_too_many_series_have_no_host(http: httpx.Client, redis_client: redis.Redis) -> None:
    tasks = [f"t{number:04}" for number in range(HOST_FIELDS_MAX // 8)]
    for worker in ("a@one", "b@two"):
        with counting(redis_client, worker) as tally:
            for task in tasks:
                ran(tally, task, 0.1)
    samples = wait_for(http, "celery_task_total", 2, task_name="t0000", status="success")
    labels = {"name": "t0000", "queue_name": "celery"}
    assert value(samples, "celery_task_succeeded_total", hostname="generic", **labels) == 2
    assert value(samples, "celery_task_succeeded_total", hostname="one", **labels) is None
    assert value(samples, "celery_task_runtime_count", hostname="generic", **labels) == 2


def test_workers_of_one_host_are_one_series(http: httpx.Client, redis_client: redis.Redis) -> None:
    for worker in ("a@box", "b@box"):
        with counting(redis_client, worker) as tally:
            ran(tally, "shop.pay", 0.1)
        publish(redis_client, beat(worker, busy=2))
    labels = {"name": "shop.pay", "hostname": "box", "queue_name": "celery"}
    samples = wait_for(http, "celery_task_succeeded_total", 2, **labels)
    samples = wait_for(http, "celery_worker_tasks_active", 4, hostname="box")
    redis_client.delete(KEYS.metrics_host("a@box"))
    redis_client.zrem(KEYS.metrics_hosts, "a@box")
    with counting(redis_client, "b@box") as tally:
        ran(tally, "shop.pay", 0.1)
    samples = wait_for(http, "celery_task_total", 3, task_name="shop.pay", status="success")
    assert value(samples, "celery_task_succeeded_total", **labels) == 3


def test_counters_of_a_host_that_is_gone_are_forgotten() -> None:
    memory = HostMemory()
    memory.update({"a@one": HostTotals(), "b@one": HostTotals(), "c@two": HostTotals()})
    assert set(memory.update({"b@one": HostTotals()})) == {"a@one", "b@one"}
    assert set(memory.update({"c@two": HostTotals()})) == {"c@two"}
