"""Workers of `tests.worker.metrics.logged`, in processes of their own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from celery import Celery

from tests.servers import wait_until

NAME = "logged@tests"


class LoggedWorker:
    """A running worker and its log."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, app: Celery) -> None:
        self.process, self.log, self.app = process, log, app

    def records(self) -> list[dict[str, Any]]:
        """What it has logged; each line must be a record."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def events(self, event: str) -> list[dict[str, Any]]:
        """The records of an event."""
        return [record for record in self.records() if record.get("event") == event]

    def wait_for(self, event: str, task_id: str) -> dict[str, Any]:
        """The record of that event of that task."""

        def found() -> dict[str, Any] | None:
            return next((r for r in self.events(event) if r["task_id"] == task_id), None)

        record = wait_until(found, seconds=30, what=f"{event} of {task_id}")
        assert isinstance(record, dict)
        return record


@contextlib.contextmanager
def logged_worker(
    broker: str, folder: Path, *options: str, name: str = NAME, **environ: str
) -> Iterator[LoggedWorker]:
    """A worker that is ready; it ends with the block."""
    log = folder / f"{name}.log"
    ours = {"LOGGED_BROKER": broker, "PYTHONPATH": ":".join(sys.path)}
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "celery", "-A", "tests.worker.metrics.logged", "worker",
             "--hostname", name, "--without-gossip", "--without-mingle", *options],
            env={**os.environ, **ours, **environ},
            stdout=subprocess.DEVNULL, stderr=out,
        )  # fmt: skip
    with Celery("sender", broker=broker, set_as_current=False) as app:
        app.conf.update(task_default_queue="logged", task_ignore_result=True)
        try:
            wait_until(lambda: f"{name} ready" in log.read_text(), seconds=60, what="it is ready")
            yield LoggedWorker(process, log, app)
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
