"""The names of the two documents work as they say."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from celery import Celery, current_app

from tests.servers import ValkeyServer, wait_until
from tests.worker.metrics import foreign
from tests.worker.metrics.running import KEYS, foreign_worker, sizes
from wire.metrics import read_trend, starts
from wire.payloads import read_sizes
from worker.metrics import (
    auto_configure_celery_limits,
    get_celery_metrics_summary,
    get_size_summary,
    install,
    measure_celery_task_size,
    measure_json_size,
    reset_metrics,
    setup_celery_metrics,
    start_global_monitor,
    update_size_metrics,
)


@pytest.fixture
def client(foreign_server: ValkeyServer, redis_client: redis.Redis) -> Iterator[redis.Redis]:
    """The foreign application is the current one."""
    before = current_app._get_current_object()  # type: ignore[attr-defined]
    foreign.app.set_current()
    yield redis_client
    before.set_current()


def test_measure_collect_report_recommend_reset(client: redis.Redis) -> None:
    task = SimpleNamespace(name="batch", app=foreign.app)
    metrics = measure_celery_task_size(task, "id-1", args=["x" * 45_674], kwargs={})
    assert (metrics["args_size"], metrics["kwargs_size"]) == (45_678, 2)
    assert (metrics["args_truncated"], metrics["kwargs_truncated"]) == (True, False)
    update_size_metrics(metrics)
    report = get_size_summary()
    assert "Tasks analysed: 1" in report
    assert "Largest args: 45,678 characters" in report
    assert "Cut tasks: 1" in report
    assert "54,813" in report
    assert auto_configure_celery_limits() == 131_072
    days = client.keys(f"{KEYS.sizes}:20*")
    reset_metrics()
    assert sizes(client, "batch").analysed == 0
    assert "Nothing was measured" in get_size_summary()
    assert auto_configure_celery_limits() is None
    assert client.keys(f"{KEYS.sizes}:20*") == days  # the history stays


#: The handler that the document shows, in an application with or without `install`.
BY_HAND = """
from celery import Celery
from celery.signals import task_prerun
from worker.metrics import install, measure_celery_task_size, reset_metrics, update_size_metrics

app = Celery("shop", broker={url!r})
{before}

@task_prerun.connect
def task_prerun_handler(sender=None, task_id=None, task=None, **kwargs):
    update_size_metrics(measure_celery_task_size(task, task_id))

{after}

@app.task(name="shop.pack")
def pack(text):
    pass

for size in (1, 2, 3):
    pack.apply(("x" * size,))
app.needle_metrics.recorder.finish()
"""


@pytest.mark.parametrize(
    ("before", "after"), [("", ""), ("install(app)", ""), ("", "install(app)")]
)
def test_tasks_measured_by_hand_count_once(
    foreign_server: ValkeyServer, redis_client: redis.Redis, before: str, after: str
) -> None:
    program = BY_HAND.format(url=foreign_server.url, before=before, after=after)
    subprocess.run([sys.executable, "-c", program], check=True)
    raw: Any = redis_client.hgetall(KEYS.sizes)
    found = read_sizes(raw)["shop.pack"]["args"]
    assert (found.n, found.sum, found.max) == (3, 5 + 6 + 7, 7)


def test_sizes_are_characters_of_compact_json() -> None:
    assert measure_json_size({"é": [1, "ü"]}) == len('{"é":[1,"ü"]}')
    assert measure_json_size(...) > 0
    assert measure_json_size(b"abc") > 0


def test_summary_counts_workers_and_tasks(
    client: redis.Redis, foreign_server: ValkeyServer, tmp_path: Path
) -> None:
    with foreign_worker(foreign_server, tmp_path, "-c", "2"):
        foreign.sleep.delay(7)
        foreign.echo.delay()
        summary = wait_until(
            lambda: (s := get_celery_metrics_summary(foreign.app))["tasks"]["active"] and s
        )
        assert isinstance(summary, dict)
        assert summary["workers"]["total"] == 1
        assert summary["tasks"]["active"] == 1
        assert summary["tasks"]["success"] == 1
        assert summary["workers"]["workers"][0]["pool"] == {
            "max_concurrency": 2,
            "busy_workers": 1,
        }
        assert summary["queues"] == {"foreign": 0}
    assert get_celery_metrics_summary(foreign.app)["workers"]["total"] == 0


def test_installing_twice_is_installing_once() -> None:
    assert install(foreign.app) is setup_celery_metrics(foreign.app) is foreign.metrics


def test_monitor_samples_a_process(client: redis.Redis) -> None:
    def sampled() -> bool:
        found = set()
        for at in starts(60, time.time(), 2):
            raw: Any = client.hgetall(KEYS.metrics_trend(60, at))
            found |= set(read_trend(at, raw).rss_bytes)
        return f"shop@{socket.gethostname()}" in found

    monitor = start_global_monitor(interval=0.05, process_type="shop", app=foreign.app)
    try:
        wait_until(sampled)
    finally:
        monitor.stop()
    with pytest.raises(LookupError):
        start_global_monitor(app=Celery("bare", set_as_current=False))


def test_an_application_may_be_configured_after_install(foreign_server: ValkeyServer) -> None:
    """In a process of its own: what `install` connects stays connected."""
    program = f"""
from celery import Celery
from worker.metrics import install
app = Celery("late", set_as_current=False)
metrics = install(app)
app.conf.broker_url = {foreign_server.url!r}
app.conf.task_default_queue = "late"
app.send_task("some.task")
assert metrics.recorder.flush()
print(metrics.recorder.client.hget("needle:metrics:totals", "task|some.task|sent"))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "b'1'", done.stderr


def test_a_broker_that_is_no_redis_needs_an_address() -> None:
    program = """
from celery import Celery
from worker.metrics import count, install
app = Celery("rabbit", broker="amqp://127.0.0.1:1//")
install(app)
count("things")
print("goes on")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "goes on"
    assert "metrics need a Redis" in done.stderr
