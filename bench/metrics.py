"""What measuring costs: the same tasks with and without `install`, alternately, in one run.

    .venv/bin/python -m bench.metrics [--tasks 2000] [--rounds 8]

Throughput, CPU and memory are of a prefork worker of two processes; the month is simulated in a
Redis of its own by the code that a worker flushes with.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import psutil
import redis
from celery import Celery

from bench.scan import worker_cpu
from cli.demo.library import make_library
from tests.integration.stack import stack
from tests.servers import ValkeyServer, valkey, wait_until
from wire import metrics
from wire.keys import METRIC_FIELDS, RECENT_TASKS, RECENT_TTL, TREND_TTLS, Keys
from wire.payloads import MEASURES
from wire.scripts import RECORD_METRICS
from worker.metrics.changes import changes
from worker.metrics.measure import measure
from worker.metrics.tally import Tally

MB = 2**20
NOTHING = "tests.worker.metrics.foreign.nothing"
PROCESSES = 2
#: The workers, by their queues: one without `install`, one with, one with but for the sizes.
PLAIN, MEASURED, UNSIZED = "plain", "measured", "unsized"
#: Rounds that nobody counts: imports, connections, first samples.
WARM_UP = 2
#: Processes of one program differ by 5 % for as long as they live, as Python's hashes fall; workers
#: that are compared have the same ones, and are started anew with others.
HASH_SEEDS = ("0", "1", "2")
#: A hundredth of a round, at most.
ASKED_EVERY_SECONDS = 0.005
#: How long a flush, which is part of the price, may come after the last task.
FLUSHED_SECONDS = 1.2


@dataclass(frozen=True)
class Run:
    """What one worker took for one batch of tasks."""

    seconds: float
    cpu_seconds: float
    redis_cpu_seconds: float


class Worker:
    """A running prefork worker of the foreign application, with a queue of its own."""

    def __init__(self, queue: str, process: subprocess.Popen[bytes]) -> None:
        self.queue = queue
        self.main = psutil.Process(process.pid)
        wait_until(lambda: len(self.main.children()) == PROCESSES, seconds=60)
        self.family = [self.main, *self.main.children()]

    def cpu_seconds(self) -> float:
        """That all its processes have taken."""
        return sum(_cpu(process) for process in self.family)

    def empty(self, client: redis.Redis, sender: Celery, tasks: int, arguments: Any) -> Run:
        """Fill the queue, let the worker empty it, and take what that cost."""
        before = self.cpu_seconds(), _redis_cpu(client)
        for process in self.family:
            process.suspend()  # so that the queue is full before anything is timed
        _send_all(sender, self.queue, tasks, arguments)
        for process in reversed(self.family):
            process.resume()
        began = time.perf_counter()
        wait_until(
            lambda: client.llen(self.queue) + client.hlen("unacked") == 0,
            seconds=300,
            every_seconds=ASKED_EVERY_SECONDS,
        )
        seconds = time.perf_counter() - began
        time.sleep(FLUSHED_SECONDS)
        return Run(seconds, self.cpu_seconds() - before[0], _redis_cpu(client) - before[1])


@contextmanager
def running_worker(server: ValkeyServer, folder: Path, queue: str, seed: str) -> Iterator[Worker]:
    """The worker of this queue."""
    environ = os.environ | {"FOREIGN_BROKER": server.url, "C_FORCE_ROOT": "1"}
    environ |= {"PYTHONHASHSEED": seed}
    if queue == PLAIN:
        environ |= {"FOREIGN_PLAIN": "1"}
    app = "bench.unsized" if queue == UNSIZED else "tests.worker.metrics.foreign"
    command = [
        sys.executable, "-m", "celery", "-A", app, "worker", "-l", "WARNING", "-c", str(PROCESSES),
        "-Q", queue, "-n", f"{queue}@%h", "--without-gossip", "--without-mingle",
    ]  # fmt: skip
    with (folder / f"{queue}.log").open("wb") as output:
        process = subprocess.Popen(command, env=environ, stdout=output, stderr=output)
    try:
        yield Worker(queue, process)
    finally:
        process.terminate()
        process.wait(30)


def _send_all(sender: Celery, queue: str, tasks: int, arguments: Any) -> None:
    with sender.producer_pool.acquire() as producer:
        for _ in range(tasks):
            sender.send_task(NOTHING, args=arguments, queue=queue, producer=producer)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _redis_cpu(client: redis.Redis) -> float:
    info: Any = client.info("cpu")
    return float(info["used_cpu_user"] + info["used_cpu_sys"])


def compare(
    server: ValkeyServer, folder: Path, tasks: int, rounds: int, what: str, args: Any
) -> None:
    """The workers of a seed stay, and take turns: what the machine does meanwhile meets them all.

    Prints the medians of the ratios of the rounds, and between which the middle halves lie.
    """
    sender = Celery("sender", broker=server.url, set_as_current=False)
    found: list[dict[str, Run]] = []
    grown: list[tuple[float, float]] = []
    for seed in HASH_SEEDS:
        with ExitStack() as running, server.client() as client:
            workers = {
                queue: running.enter_context(running_worker(server, folder, queue, seed))
                for queue in (PLAIN, MEASURED, UNSIZED)
            }
            client.flushdb()
            for number in range(-WARM_UP, rounds):
                turns = sorted(workers.values(), key=lambda _: random.random())
                took = {worker.queue: worker.empty(client, sender, tasks, args) for worker in turns}
                if number >= 0:
                    found.append(took)
            main, pool = (
                _rss_mb(workers[MEASURED].family[n]) - _rss_mb(workers[PLAIN].family[n])
                for n in (0, 1)
            )
            grown.append((main, pool))
    main, pool = (statistics.median(found) for found in zip(*grown, strict=True))

    def ratios(name: str, of: str = PLAIN) -> str:
        each = [getattr(took[MEASURED], name) / getattr(took[of], name) for took in found]
        low, middle, high = statistics.quantiles(each, n=4)
        return f"{middle:.3f} ({low:.3f} to {high:.3f})"

    seconds = statistics.median(took[PLAIN].seconds for took in found) / tasks * 1e6
    cpu = statistics.median(took[PLAIN].cpu_seconds for took in found) / tasks * 1e6
    print(
        f"{what}, {len(found)} rounds of {tasks} tasks: time {ratios('seconds')} of "
        f"{seconds:.0f} µs a task, CPU {ratios('cpu_seconds')} of {cpu:.0f} µs, Redis's CPU "
        f"{ratios('redis_cpu_seconds')}; sizes alone: time {ratios('seconds', UNSIZED)}, CPU "
        f"{ratios('cpu_seconds', UNSIZED)}; resident +{pool:.1f} MB a pool process, +{main:.1f} MB "
        "the main process",
        flush=True,
    )


def _rss_mb(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / MB


def payload(size: int) -> list[dict[str, object]]:
    """About `size` characters of what a scan might send."""
    one = {"path": "/music/Artist/Album/01 Title.flac", "size": 31_000_000, "tags": ["a", "é"]}
    return [one] * (size // len(json.dumps(one)))


def share_of_serialising(size: int) -> None:
    """What measuring a large payload costs, against what Celery does with it anyway."""
    batch = payload(size)
    text = json.dumps([[batch], {}, {}])

    def fastest(function: Any) -> float:
        times = []
        for _ in range(20):
            began = time.perf_counter()
            function()
            times.append(time.perf_counter() - began)
        return min(times)

    own = fastest(lambda: json.dumps([[batch], {}, {}])) + fastest(lambda: json.loads(text))
    ours = fastest(lambda: (measure([batch]), measure({})))
    print(
        f"{size // 1000} kB payload: measuring {ours * 1e3:.2f} ms, "
        f"{ours / own:.1%} of writing and reading it as JSON ({own * 1e3:.2f} ms)"
    )


def month(server: ValkeyServer, tasks: int, days: int) -> None:
    """A month in which `tasks` kinds of tasks run in every minute of eight hours a day."""
    rng, keys = random.Random(5), Keys("month")
    with server.client() as client:
        client.flushall()
        script = client.register_script(RECORD_METRICS)
        now, number = time.time(), 0
        for day in range(days):
            for hour in range(24):
                busy = hour % 3 == 0
                for minute in range(60) if day >= days - 2 else (0, 20, 40):
                    at = now - (days - 1 - day) * 86_400 - (23 - hour) * 3600 - (59 - minute) * 60
                    number += 1
                    hashes = changes(_minute(rng, tasks, busy), keys, "needle@pi", at)
                    records = _records(number, at) if busy else []
                    script(
                        keys=[keys.metrics_flushed("bench"), keys.metrics_hosts, keys.recent,
                              keys.recent_tasks, *(hash_.key for hash_ in hashes)],
                        args=[number, "needle@pi", orjson.dumps([h.change() for h in hashes]),
                              orjson.dumps(records), METRIC_FIELDS, RECENT_TASKS, 60, 600,
                              RECENT_TTL],
                    )  # fmt: skip
        # Redis counts the lives of keys from now on; what a month would have ended ends here.
        _expire(client, keys, now)
        info: Any = client.info("memory")
        used = info["used_memory"] - info["used_memory_startup"]
        count = client.dbsize()
        print(f"{days} busy days, {tasks} kinds of tasks: {used / MB:.1f} MB in {count} keys")


def _expire(client: redis.Redis, keys: Keys, now: float) -> None:
    for span, ttl in TREND_TTLS.items():
        for key in client.scan_iter(f"{keys.prefix}:metrics:{span}:*", count=1000):
            if int(key.rsplit(b":", 1)[1]) + ttl < now:
                client.delete(key)


def _minute(rng: random.Random, tasks: int, busy: bool) -> Tally:
    tally = Tally()
    for queue in ("scan", "extract", "batch", "insert", "vector", "covers", "deferred", "other"):
        tally.sample("depth", queue, rng.randrange(100))
    tally.sample("rss", "needle@pi", 200_000_000)
    tally.sample("cpu", "needle@pi", 300)
    for task in range(tasks if busy else 0):
        name, queue = f"application.module.task_number_{task}", f"queue{task % 8}"
        for status in (metrics.SENT, metrics.RECEIVED, metrics.STARTED, metrics.SUCCESS):
            tally.tasks[name, queue, status] += 30
        for _ in range(6):
            tally.durations[name, queue, metrics.SUCCESS].add(rng.lognormvariate(0, 1.5))
            tally.waits[name, queue].add(rng.lognormvariate(-2, 1.5))
            for measure_name in MEASURES:
                tally.size(name, measure_name, int(rng.lognormvariate(7, 1)), "x" * 36, queue)
    return tally


def _records(number: int, at: float) -> list[tuple[str, int, float, str]]:
    return [(f"{number:08}-0000-0000-0000-{i:012}", 3, at, "x" * 700) for i in range(20)]


def share_of_a_scan(folder: Path, files: int) -> None:
    """What measuring takes of a worker that scans, as it counts itself.

    Every file is read again in the second scan; what starts with the worker is left out.
    """
    make_library(folder / "Music", files=files)
    with stack(folder / "scan", folder / "Music") as running, running.valkey.client() as client:
        running.run_scan("full")
        time.sleep(1.5)  # the last flush
        before, cpu, began = _spent_us(client), worker_cpu(running), time.perf_counter()
        running.run_scan("full")
        time.sleep(1.5)
        cpu, spent = worker_cpu(running) - cpu, (_spent_us(client) - before) / 1e6
        seconds = time.perf_counter() - began
    print(
        f"a scan of {files} files in {seconds:.0f} s: measuring {spent / seconds:.2%} of one core, "
        f"{spent / cpu:.2%} of the {cpu:.1f} s of CPU that the worker took"
    )


def _spent_us(client: redis.Redis) -> int:
    raw: Any = client.hgetall(Keys().metrics_totals)
    found = metrics.read_totals(raw).recorder
    return sum(found.get(f"{part}_us", 0) for part in ("handler", "repr", "flush", "beat"))


def main() -> None:
    """Measure, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=8, help="With each start of the workers.")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, valkey(Path(name) / "valkey") as server:
        folder = Path(name)
        compare(server, folder, chosen.tasks, chosen.rounds, "no-op tasks", [])
        compare(server, folder, chosen.tasks, chosen.rounds, "1 kB arguments", ["x" * 1000])
        share_of_serialising(500_000)
        share_of_a_scan(folder, 10_000)
        for kinds in (10, 40):
            month(server, kinds, 30)


if __name__ == "__main__":
    main()
