"""What the page weighs after many tasks of another application, while it is looked at.

    python -m bench.tasks [TASKS]

A worker with two processes runs no-op tasks as fast as it can, 100,000 by default.  Memory is
resident megabytes of the web process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
import psutil

from tests.servers import valkey, wait_until
from tests.web.conftest import page_server
from wire.fields import field
from wire.keys import Keys
from wire.metrics import SUCCESS

TASK = "tests.worker.metrics.foreign.nothing"
SEND = (
    "import sys; from tests.worker.metrics.foreign import nothing\n"
    "for n in range(int(sys.argv[1])): nothing.delay(n)"
)


def main() -> None:
    """Run and print."""
    tasks = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with (
        tempfile.TemporaryDirectory() as folder,
        valkey(Path(folder) / "redis") as server,
        page_server(server.url, Path(folder)) as page,
        server.client() as client,
    ):
        web = psutil.Process(page.process.pid)
        environ = os.environ | {"FOREIGN_BROKER": server.url, "C_FORCE_ROOT": "1"}
        command = [sys.executable, "-m", "celery", "-A", "tests.worker.metrics.foreign", "worker",
                   "-c", "2", "-Q", "foreign", "-l", "ERROR"]  # fmt: skip
        worker = subprocess.Popen(command, env=environ | {"FOREIGN_WORKER": "1"})
        stop = threading.Event()
        looking = [
            threading.Thread(target=target, args=(page.url, stop)) for target in (follow, scrape)
        ]
        for thread in looking:
            thread.start()
        print(f"before: {megabytes(web):.0f} MB")
        started = time.monotonic()
        subprocess.run([sys.executable, "-c", SEND, str(tasks)], env=environ, check=True)
        done = field("task", TASK, SUCCESS)
        wait_until(
            lambda: int(client.hget(Keys().metrics_totals, done) or 0) >= tasks,  # type: ignore[arg-type]
            seconds=1200,
            what="all tasks are counted",
        )
        seconds = time.monotonic() - started
        print(f"after {tasks:,} tasks in {seconds:.0f} s: {megabytes(web):.0f} MB")
        stop.set()
        for thread in looking:
            thread.join()
        worker.terminate()
        worker.wait(30)


def megabytes(process: psutil.Process) -> float:
    """Resident memory."""
    return process.memory_info().rss / 1e6


def follow(url: str, stop: threading.Event) -> None:
    """A browser that follows live."""
    with httpx.stream("GET", url + "/events", timeout=30) as stream:
        for _ in stream.iter_raw():
            if stop.is_set():
                return


def scrape(url: str, stop: threading.Event) -> None:
    """Prometheus, and somebody who looks at the tasks, every 15 s."""
    with httpx.Client(base_url=url, timeout=30) as client:
        while not stop.wait(15):
            client.get("/metrics").raise_for_status()
            client.get("/tasks").raise_for_status()


if __name__ == "__main__":
    main()
