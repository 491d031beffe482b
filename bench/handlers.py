"""What measuring a task takes of CPU in each process that it passes: without pool and network.

    .venv/bin/python -m bench.handlers [--rounds 7]

The main process makes a request of a message and sends `task_received`; the pool process runs
Celery's own tracer; both with a flush for 900 tasks, as in a busy second.  Nothing waits for
anything else, and every function is in the processor's caches: of all figures the least disturbed
one, and the lowest.  Of what a whole worker takes see `bench.metrics`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from celery import Celery, signals
from celery.app.trace import build_tracer
from celery.worker.request import Request
from kombu.transport.virtual import Message

from tests.servers import valkey
from wire.payloads import CELERY_LIMIT
from wire.producer import HEADER
from worker.metrics import install

PLAIN, UNSIZED, MEASURED = "plain", "unsized", "measured"
#: In a busy second.
TASKS = 900
#: The least of so many is what it takes.
TRIES = 12
CHARS = 1000


def _microseconds(one: Callable[[int], object], flush: Callable[[], object]) -> float:
    """CPU that one task takes, the least of all tries."""
    found = []
    for _ in range(TRIES):
        began = time.process_time()
        for number in range(TASKS):
            one(number)
        flush()
        found.append((time.process_time() - began) / TASKS * 1e6)
    return min(found)


def _measure(mode: str, url: str) -> dict[str, float]:
    """What the two processes take of one task in this mode."""
    if mode == UNSIZED:
        os.environ["FOREIGN_PLAIN"] = "1"
        import bench.unsized  # noqa: F401  it leaves out what measures sizes
    app = Celery("handlers", broker=url, set_as_current=False)

    @app.task(name="nothing")
    def nothing(_: str) -> None:
        pass

    app.finalize()
    flush: Callable[[], object] = lambda: None  # noqa: E731
    if mode != PLAIN:
        flush = install(app).recorder.flush
    app.send_task("nothing", args=["x" * CHARS], queue="handlers")
    with app.connection_for_read() as connection:
        channel: Any = connection.default_channel
        payload = json.loads(channel.client.lpop("handlers"))
        # As all but the first 20 tasks of a second have it: nobody was told of this one.
        payload["headers"][HEADER] = [round(time.time(), 3), CELERY_LIMIT, CELERY_LIMIT]
        raw = json.dumps(payload)
        tracer = build_tracer("nothing", app.tasks["nothing"], app=app)

        def received(_: int) -> None:
            message = Message(json.loads(raw), channel=channel)
            request = Request(message, app=app, task=app.tasks["nothing"], hostname="here")
            signals.task_received.send(sender=None, request=request)

        headers = json.dumps(
            payload["headers"] | {"delivery_info": {"exchange": "", "routing_key": "handlers"}}
        )

        def run(number: int) -> None:
            tracer(str(number), ["x" * CHARS], {}, json.loads(headers))

        return {"main": _microseconds(received, flush), "pool": _microseconds(run, flush)}


def main() -> None:
    """Measure each mode in a process of its own, by turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--mode", choices=[PLAIN, UNSIZED, MEASURED], help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.mode:
        print(json.dumps(_measure(chosen.mode, chosen.url)))
        return
    least: dict[tuple[str, str], float] = {}
    with tempfile.TemporaryDirectory() as name, valkey(Path(name)) as server:
        for _ in range(chosen.rounds):
            for mode in (PLAIN, UNSIZED, MEASURED):
                command = [sys.executable, "-m", "bench.handlers", "--mode", mode]
                command += ["--url", server.url]
                told = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
                for process, took in json.loads(told).items():
                    least[mode, process] = min(took, least.get((mode, process), took))
    for process in ("main", "pool"):
        plain, unsized, measured = (least[mode, process] for mode in (PLAIN, UNSIZED, MEASURED))
        print(
            f"{process} process: {plain:.1f} µs of Celery's own, {measured - plain:+.1f} µs with "
            f"`install`, of which sizes {measured - unsized:+.1f} µs"
        )


if __name__ == "__main__":
    main()
