"""A foreign Celery application at work: its worker with two pool processes, and one sender."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis

from tests.servers import ValkeyServer
from tests.worker.metrics.running import PREFIX, ForeignWorker

#: Sends what it reads, line by line, for as long as it lives.
SENDER = """
import json, sys
from tests.worker.metrics.foreign import app
for line in sys.stdin:
    task, args, kwargs, queue = json.loads(line)
    app.tasks[task].apply_async(args, kwargs, queue=queue)
    print("sent", flush=True)
"""
#: A queue from which no worker takes: its messages stay where they can be read.
PARKED = "parked"


class Foreign:
    """The application's processes, over one Redis."""

    def __init__(self, worker: ForeignWorker, client: redis.Redis, environ: dict[str, str]) -> None:
        self.worker, self.client = worker, client
        self.sender = subprocess.Popen(
            [sys.executable, "-c", SENDER],
            env=os.environ | environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def send(self, task: str, *args: Any, queue: str = "foreign", **kwargs: Any) -> None:
        """Have the sender send a task."""
        assert self.sender.stdin
        assert self.sender.stdout
        self.sender.stdin.write(json.dumps([PREFIX + task, args, kwargs, queue]) + "\n")
        self.sender.stdin.flush()
        assert self.sender.stdout.readline() == "sent\n"

    def parked(self) -> list[dict[str, Any]]:
        """Headers of the messages that nobody takes, newest first."""
        raw: Any = self.client.lrange(PARKED, 0, -1)
        return [json.loads(message)["headers"] for message in raw]

    def stop(self) -> None:
        """End both."""
        self.sender.communicate(timeout=10)
        self.worker.stop()


@contextlib.contextmanager
def foreign(
    server: ValkeyServer, prefix: str, client: redis.Redis, folder: Path
) -> Iterator[Foreign]:
    """A foreign application that is ready, ended afterwards."""
    environ = {"FOREIGN_BROKER": server.url, "NEEDLE_KEY_PREFIX": prefix}
    running = Foreign(ForeignWorker(server, folder, "foreign"), client, environ)
    try:
        running.worker.start("-c", "2", **environ, FOREIGN_WORKER="1")
        yield running
    finally:
        running.stop()
