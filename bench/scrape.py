"""What one scrape of /metrics costs with 200 tasks and 20 workers, and an answer of the API.

    python -m bench.scrape [TASKS] [WORKERS]

Starts a private server and the page on loopback.  Every worker has run its share of the tasks,
then every one of them.  Times are the median of 15, in milliseconds: after a pause in which what
was read of Redis has become too old, or `kept` without one.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import redis

from tests.servers import valkey
from tests.web.conftest import PageServer, page_server
from tests.web.records import KEYS, beat, publish
from web.metrics.monitor import FRESH_SECONDS
from wire.metrics import FAILURE, RECEIVED, SENT, STARTED, SUCCESS
from worker.metrics.recorder import Recorder

SCRAPES = 15
API = ("/tasks/status", "/workers/status", "/queues/status", "/metrics/summary", "/health")
#: Times that one task takes: neighbouring buckets, as they are in practice.
SECONDS = (0.004, 0.02, 0.04, 0.2, 0.9)


def count(url: str, worker: str, tasks: list[str]) -> None:
    """Let `worker` have run each of `tasks` some times."""
    recorder = Recorder(lambda: (url, KEYS), worker, 100)
    with recorder as tally:
        for task in tasks:
            for status in (SENT, RECEIVED, STARTED, SUCCESS):
                tally.tasks[task, "default", status] += len(SECONDS)
            tally.tasks[task, "default", FAILURE] += 1
            tally.failures[task, "default", "ValueError"] += 1
            tally.durations[task, "default", FAILURE].add(0.01)
            for seconds in SECONDS:
                tally.durations[task, "default", SUCCESS].add(seconds)
                tally.waits[task, "default"].add(seconds / 2)
            tally.size(task, "wire_bytes", 900, "id", "default")
    recorder.flush()
    recorder._begin()  # it has nothing more to say, neither now nor when this program ends


def measure(
    name: str,
    page: PageServer,
    headers: dict[str, str],
    path: str = "/metrics",
    *,
    kept: bool = False,
) -> None:
    """Print the median time of an answer, its size, and the CPU it takes."""
    process, took, size = psutil.Process(page.process.pid), [], 0
    before = process.cpu_times()
    with page.client() as client:
        client.get(path, headers=headers)
        for _ in range(SCRAPES):
            threading.Event().wait(0 if kept else FRESH_SECONDS + 0.1)
            began = time.perf_counter()
            size = len(client.get(path, headers=headers).content)
            took.append((time.perf_counter() - began) * 1000)
    after = process.cpu_times()
    cpu = (after.user + after.system - before.user - before.system) / (SCRAPES + 1) * 1000
    rss = process.memory_info().rss / 1e6
    print(
        f"{name:44} {statistics.median(took):6.1f} ms  worst {max(took):6.1f} ms  "
        f"{cpu:5.1f} ms CPU  {size / 1e6:5.2f} MB  {rss:5.1f} MB RSS"
    )


def fill(client: redis.Redis, url: str, tasks: list[str], workers: int, *, share: bool) -> None:
    for number in range(workers):
        name = f"worker@host{number}"
        mine = tasks[number::workers] if share else tasks
        count(url, name, mine)
        publish(client, beat(name, queues=("default",), processes=4, active={mine[0]: 1}))


def main(tasks: int, workers: int) -> None:
    names = [f"shop.orders.tasks.number_{number}" for number in range(tasks)]
    plain, zipped = {"Accept-Encoding": "identity"}, {"Accept-Encoding": "gzip"}
    slow = plain | {"Accept": "application/openmetrics-text; version=1.0.0"}
    for share in (True, False):
        with (
            tempfile.TemporaryDirectory() as folder,
            valkey(Path(folder) / "valkey") as server,
            page_server(server.url, Path(folder)) as page,
            server.client() as client,
        ):
            fill(client, server.url, names, workers, share=share)
            ran = "a share of the tasks" if share else "every task"
            measure(f"{workers} workers, each ran {ran}", page, plain)
            fill(client, server.url, names, workers, share=share)
            measure(f"{workers} workers, each ran {ran}, gzip", page, zipped)
            measure(f"{workers} workers, each ran {ran}, OpenMetrics", page, slow)
            fill(client, server.url, names, workers, share=share)
            for path in API:
                measure(path, page, plain, f"/api/v1/celery{path}")
                measure(f"{path}, kept", page, plain, f"/api/v1/celery{path}", kept=True)


if __name__ == "__main__":
    if sys.argv[1:] in (["-h"], ["--help"]):
        sys.exit(__doc__)
    try:
        main(*(int(word) for word in (*sys.argv[1:], *("200", "20")[len(sys.argv) - 1 :])))
    except subprocess.SubprocessError as error:
        sys.exit(str(error))
