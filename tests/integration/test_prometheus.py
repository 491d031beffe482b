"""Debian's Prometheus over a live stack: every query that we ship, or promise, finds data.

The stack scans a library; a second Celery application, which only has `install(app)`, works,
fails, retries and runs out of time beside it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from tests.integration.stack import Stack, stack
from tests.project.repository import ROOT
from tests.servers import free_port, wait_until
from worker.metrics import install

TASKS = "tests.worker.metrics.foreign."
DASHBOARDS = sorted((ROOT / "monitoring/grafana/dashboards").glob("*.json"))
#: What the dashboards and rules of celery-exporter's mixin choose by: a variable is any value.
JOB = 'job=~".*celery.*",cluster="",namespace=""'
CHOSEN = f'{JOB},queue_name=~".*",queue_name!~"None",name=~".*",name!~"None"'
#: What they ask for, in our words.
EXPORTER = [
    f'count(celery_worker_up{{{JOB}}} == 1)',
    f'sum(celery_worker_tasks_active{{{JOB}}})',
    f'count(group by (queue_name) (celery_queue_length{{{JOB},queue_name!~"None"}}))',
    f'sum by (job, namespace, queue_name) (celery_queue_length{{{JOB},queue_name!~"None"}})',
    *(
        f"sum by ({labels}) (round(increase(celery_task_{word}_total{{{CHOSEN}}}[5m])))"
        for word in
        ("sent", "received", "started", "succeeded", "failed", "retried", "revoked", "rejected")
        for labels in ("job", "name", "queue_name")
    ),
    *(
        f"sum by (name) (increase(celery_task_{word}_total{{{CHOSEN}}}[5m])) > 0"
        for word in ("sent", "received", "succeeded", "failed", "retried", "revoked", "rejected")
    ),
    f"topk(10, sum by (name) (rate(celery_task_received_total{{{CHOSEN}}}[6h])))",
    *(
        f"round(sum by ({labels}) (increase(celery_task_failed_total{{{CHOSEN}}}[1w]))) > 0"
        for labels in ("name, exception", "job, exception", "job, name")
    ),
    f"sum by (name) (rate(celery_task_runtime_sum{{{CHOSEN}}}[5m])) "
    f"/ sum by (name) (rate(celery_task_runtime_count{{{CHOSEN}}}[5m])) > 0",
    f"sum(rate(celery_task_succeeded_total{{{CHOSEN}}}[5m])) / "
    f"(sum(rate(celery_task_succeeded_total{{{CHOSEN}}}[5m])) "
    f"+ sum(rate(celery_task_failed_total{{{CHOSEN}}}[5m])))",
    *(
        f"histogram_quantile({q}, "
        f"sum by (job, le) (irate(celery_task_runtime_bucket{{{CHOSEN}}}[5m])))"
        for q in ("0.50", "0.95", "0.99")
    ),
    "histogram_quantile(0.95, sum by (le, queue_name) "
    "(rate(celery_task_queue_wait_time_bucket[5m])))",
    "celery_active_consumer_count",
    "celery_active_worker_count",
    "celery_active_process_count",
]  # fmt: skip


class Prometheus:
    """A Prometheus that scrapes one page each second."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def ask(self, path: str) -> Any:
        with urllib.request.urlopen(self._url + path, timeout=10) as answer:  # noqa: S310 - ours
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask(
            "/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        )["result"]
        return found

    def is_up(self) -> bool:
        try:
            targets = self.ask("/api/v1/targets")["activeTargets"]
        except OSError:
            return False
        assert not [t["lastError"] for t in targets if t["lastError"]]
        return [target["health"] for target in targets] == ["up"]


@contextmanager
def prometheus(folder: Path, page_port: int) -> Iterator[Prometheus]:
    """Prometheus with the configuration that we ship, but for its address and its patience."""
    folder.mkdir()
    program, port = shutil.which("prometheus"), free_port()
    assert program, "Prometheus is missing: apt install prometheus"
    shutil.copy(ROOT / "monitoring/alerts.yml", folder)
    config = (ROOT / "monitoring/prometheus.yml").read_text()
    config = config.replace("web:8787", f"127.0.0.1:{page_port}").replace("15s", "1s")
    (folder / "prometheus.yml").write_text(config)
    command = [
        program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield Prometheus(port)
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def foreign_worker(url: str, log: Path) -> Iterator[None]:
    """A worker of an application that is not Needle's."""
    environ = os.environ | {"FOREIGN_BROKER": url, "FOREIGN_WORKER": "1", "C_FORCE_ROOT": "1"}
    command = [sys.executable, "-m", "celery", "-A", "tests.worker.metrics.foreign", "worker",
               "-c", "2", "-n", "foreign@%h", "-Q", "foreign"]  # fmt: skip
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environ, stdout=out, stderr=out)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def watched(
    library: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Prometheus, Stack]]:
    """Prometheus after a scan, and after work of every kind in two waves: rates need two."""
    folder = tmp_path_factory.mktemp("prometheus")
    with (
        stack(folder / "needle", library) as running,
        foreign_worker(running.valkey.url, folder / "foreign.log"),
        prometheus(folder / "prometheus", running.port) as watching,
    ):
        wait_until(watching.is_up, seconds=30, what="Prometheus scrapes")
        app = Celery("sender", broker=running.valkey.url, set_as_current=False)
        metrics = install(app)
        for wave in (1, 2):
            running.run_scan("full")
            for _ in range(6):
                send(app, "echo", "x" * 3000)
                send(app, "retry_twice")
                send(app, "fail")
            send(app, "reject")
            send(app, "echo", "too late", expires=-1)
            send(app, "sleep", 30, time_limit=1)
            wait_until(
                lambda wave=wave: total(watching, "celery_task_timeouts_total") >= wave,
                seconds=60,
                what=f"Prometheus has seen wave {wave}",
            )
        yield watching, running
        metrics.disconnect()  # signals are global: other tests of this process send as well
        metrics.recorder.finish()


def send(app: Celery, task: str, *args: object, **options: Any) -> None:
    app.send_task(TASKS + task, args=args, queue="foreign", **options)


def total(watching: Prometheus, name: str) -> float:
    return sum(float(row["value"][1]) for row in watching.query(f"sum({name})"))


def shipped() -> list[str]:
    """The queries of our dashboards, and those of the guides as docs/operate.md mends them."""
    panels = [panel for board in DASHBOARDS for panel in json.loads(board.read_text())["panels"]]
    found = [target["expr"] for panel in panels for target in panel["targets"]]
    for block in re.findall(r"```promql\n(.*?)```", (ROOT / "docs/operate.md").read_text(), re.S):
        found += [line for line in block.splitlines() if line and not line.startswith("#")]
    return found


def test_every_query_finds_data(watched: tuple[Prometheus, Stack]) -> None:
    watching, _ = watched
    queries = shipped() + EXPORTER
    assert len(queries) > 60

    def empty() -> list[str]:
        return [query for query in queries if not watching.query(query)]

    wait_until(lambda: not empty(), seconds=20, what=f"data for {empty()}")


def test_counts_are_those_of_what_was_done(watched: tuple[Prometheus, Stack]) -> None:
    watching, running = watched
    assert total(watching, f'celery_task_total{{task_name="{TASKS}fail",status="failure"}}') == 12
    assert total(watching, f'celery_task_retries_total{{task_name="{TASKS}retry_twice"}}') == 24
    assert total(watching, f'celery_task_total{{task_name="{TASKS}echo",status="success"}}') == 12
    files = running.value("SELECT count(*) FROM files")
    assert total(watching, "needle_scan_files_found") == files


def test_rules_are_loaded_and_evaluated(watched: tuple[Prometheus, Stack]) -> None:
    watching, _ = watched
    rules = [rule for group in watching.ask("/api/v1/rules")["groups"] for rule in group["rules"]]
    assert len(rules) > 20
    assert [rule["name"] for rule in rules if rule["health"] == "err"] == []
