"""Workers of the foreign application, and what Redis holds of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import redis

from tests.servers import ValkeyServer, wait_until
from wire.keys import Keys
from wire.metrics import Totals, read_totals
from wire.payloads import TaskSizes, read_sizes
from wire.tasks import TaskRecord, read_record

KEYS = Keys()
PREFIX = "tests.worker.metrics.foreign."


class ForeignWorker:
    """One worker process, its pool, its log."""

    def __init__(self, server: ValkeyServer, folder: Path, name: str) -> None:
        self.name, self.log = f"{name}@here", folder / f"{name}.log"
        self._server = server
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the worker was not started"
        return self._process

    def start(self, *options: str, **environ: str) -> None:
        """Start it and wait until it says that it is there."""
        command = [
            sys.executable, "-m", "celery", "-A", "tests.worker.metrics.foreign", "worker",
            "-l", "INFO", "-n", self.name, "--without-gossip", "--without-mingle", *options,
        ]  # fmt: skip
        variables = {"FOREIGN_BROKER": self._server.url, "C_FORCE_ROOT": "1"}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=os.environ | variables | environ, stdout=log, stderr=log
            )
        wait_until(lambda: "ready." in self.text(), seconds=40, what=f"{self.name} is ready")

    def text(self) -> str:
        """Its log."""
        return self.log.read_text(errors="replace")

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def kill(self) -> None:
        """End it and its pool as a power cut would."""
        for child in self.children():
            child.kill()
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it politely, so that everything is flushed."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end:\n{self.text()[-3000:]}") from None


@contextmanager
def foreign_worker(
    server: ValkeyServer, folder: Path, *options: str, name: str = "first", **environ: str
) -> Iterator[ForeignWorker]:
    """A running worker, ended whatever happens; its log is shown when a test fails in it."""
    worker = ForeignWorker(server, folder, name)
    try:
        worker.start(*options, **environ)
        yield worker
    except BaseException:
        sys.stderr.write(worker.text()[-4000:])
        raise
    finally:
        worker.stop()


def totals(client: redis.Redis) -> Totals:
    raw: Any = client.hgetall(KEYS.metrics_totals)
    return read_totals(raw)


def counted(client: redis.Redis, task: str, status: str) -> int:
    """How often a task of the foreign application was counted with a status."""
    return totals(client).tasks.get((PREFIX + task, status), 0)


def sizes(client: redis.Redis, task: str) -> TaskSizes:
    raw: Any = client.hgetall(KEYS.sizes)
    return read_sizes(raw).get(PREFIX + task, TaskSizes(PREFIX + task))


def record(client: redis.Redis, task_id: str) -> TaskRecord | None:
    raw: Any = client.hget(KEYS.recent_tasks, task_id)
    return read_record(raw)


def wait_counted(
    client: redis.Redis, task: str, status: str, number: int, seconds: float = 30
) -> None:
    """Wait until at least so many were counted."""
    wait_until(
        lambda: counted(client, task, status) >= number,
        seconds=seconds,
        what=f"{number} x {task} {status}",
    )
