"""What the web process costs: memory and CPU, idle, watched, and with 50 browsers on a busy scan.

    python -m bench.web [SECONDS]

Starts a private server and the page on loopback.  CPU is in percent of one core.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import psutil
import redis

from tests.servers import valkey
from tests.web.conftest import PageServer, page_server
from tests.web.records import beat, publish, publish_scan

EVENTS_A_SECOND = 20


def measure(name: str, page: PageServer, seconds: float) -> None:
    """Print the figures of `seconds` of what is going on now."""
    process = psutil.Process(page.process.pid)
    before, started = process.cpu_times(), time.monotonic()
    threading.Event().wait(seconds)
    after, elapsed = process.cpu_times(), time.monotonic() - started
    cpu = (after.user + after.system - before.user - before.system) / elapsed * 100
    memory = process.memory_full_info()
    print(f"{name:34} {memory.rss / 1e6:6.1f} MB RSS {memory.uss / 1e6:6.1f} MB own {cpu:6.2f} %")


def read_stream(page: PageServer, number: int, stop: threading.Event) -> int:
    """Read one stream until `stop`, as a browser of its own; how many bytes came."""
    count = 0
    headers = {"X-Forwarded-For": f"192.0.2.{number}"}
    with (
        httpx.Client(timeout=30, headers=headers) as client,
        client.stream("GET", page.url + "/events") as answer,
    ):
        for chunk in answer.iter_raw():
            count += len(chunk)
            if stop.is_set():
                break
    return count


def busy_scan(client: redis.Redis, stop: threading.Event) -> None:
    """Events as a worker of a fast scan sends them."""
    revision = 0
    while not stop.wait(1 / EVENTS_A_SECOND):
        revision += 1
        counts = {"new": revision * 10, "unreadable": revision}
        publish_scan(client, revision=revision, files_found=revision * 12, counts=counts)


def in_background(stack: ExitStack, work: Callable[..., Any], *arguments: Any) -> threading.Event:
    """Run `work(*arguments, stop)` in a thread until the stack ends."""
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(*arguments, stop))
    thread.start()
    stack.callback(thread.join)
    stack.callback(stop.set)
    return stop


def main(seconds: float) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        valkey(Path(folder) / "valkey") as server,
        page_server(server.url, Path(folder)) as page,
        server.client() as client,
        ExitStack() as stack,
    ):
        publish(client, beat())
        measure("just started, nobody watches", page, seconds)
        httpx.get(page.url)
        httpx.post(page.url + "/api/v1/scans", json={"mode": "quick"})
        measure("after a page and a start", page, seconds)
        in_background(stack, read_stream, page, 0)
        measure("one browser, nothing happens", page, seconds)
        in_background(stack, busy_scan, client)
        measure(f"one browser, {EVENTS_A_SECOND} events a second", page, seconds)
        for number in range(1, 50):
            in_background(stack, read_stream, page, number)
        measure(f"50 browsers, {EVENTS_A_SECOND} events a second", page, seconds)


if __name__ == "__main__":
    if sys.argv[1:] in (["-h"], ["--help"]):
        sys.exit(__doc__)
    try:
        main(float(sys.argv[1]) if sys.argv[1:] else 20.0)
    except subprocess.SubprocessError as error:
        sys.exit(str(error))
