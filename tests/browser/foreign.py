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

from tests.servers import wait_until

APP = "tests.worker.metrics.foreign"
#: Sends what it reads, line by line, for as long as it lives.
SENDER = f"""
import json, sys
from {APP} import app
for line in sys.stdin:
    task, args, kwargs, queue = json.loads(line)
    app.tasks["{APP}." + task].apply_async(args, kwargs, queue=queue)
    print("sent", flush=True)
"""
#: A queue from which no worker takes: its messages stay where they can be read.
PARKED = "parked"


class Foreign:
    """The application's processes, over one Redis."""

    def __init__(self, url: str, prefix: str, client: redis.Redis, log: Path) -> None:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("NEEDLE_")}
        environ |= {"FOREIGN_BROKER": url, "NEEDLE_KEY_PREFIX": prefix}
        self.client, self._log = client, log
        with log.open("wb") as out:
            self.worker = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", APP, "worker", "-c", "2", "-l", "INFO",
                 "-Q", "foreign", "-n", "foreign@here"],
                env=environ | {"FOREIGN_WORKER": "1"}, stdout=out, stderr=out,
            )  # fmt: skip
        self.sender = subprocess.Popen(
            [sys.executable, "-c", SENDER],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def log(self) -> str:
        """What the worker has said."""
        return self._log.read_text()

    def send(self, task: str, *args: Any, queue: str = "foreign", **kwargs: Any) -> None:
        """Have the sender send a task."""
        assert self.sender.stdin
        assert self.sender.stdout
        self.sender.stdin.write(json.dumps([task, args, kwargs, queue]) + "\n")
        self.sender.stdin.flush()
        assert self.sender.stdout.readline() == "sent\n"

    def parked(self) -> list[dict[str, Any]]:
        """Headers of the messages that nobody takes, newest first."""
        raw: Any = self.client.lrange(PARKED, 0, -1)
        return [json.loads(message)["headers"] for message in raw]

    def stop(self) -> None:
        """End both."""
        if self.sender.stdin:
            self.sender.stdin.close()
        self.sender.wait(10)
        if self.sender.stdout:
            self.sender.stdout.close()
        self.worker.terminate()
        self.worker.wait(20)


@contextlib.contextmanager
def foreign(url: str, prefix: str, client: redis.Redis, folder: Path) -> Iterator[Foreign]:
    """A foreign application that is ready, ended afterwards."""
    running = Foreign(url, prefix, client, folder / "foreign.log")
    try:
        wait_until(lambda: "foreign@here ready" in running.log, seconds=40, what="worker is ready")
        yield running
    finally:
        running.stop()
