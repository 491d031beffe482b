"""Sentry and New Relic hear of a failed task of a real worker; nothing leaves this machine."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from tests.servers import ValkeyServer, wait_until
from wire.names import LIBRARY_SEARCH
from wire.transport import celery_settings


class Receiver:
    """A Sentry of our own: keeps the events it is sent."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        events = self.events

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    data = gzip.decompress(data)
                lines = [json.loads(line) for line in data.splitlines()]
                events.extend(line for line in lines if "exception" in line)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.dsn = f"http://public@127.0.0.1:{self._server.server_port}/1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextlib.contextmanager
def worker(server: ValkeyServer, folder: Path, **environ: str) -> Iterator[Path]:
    """A Needle worker that is ready; gives its log."""
    log = folder / "worker.log"
    plain = {name: value for name, value in os.environ.items() if not name.startswith("NEEDLE_")}
    ours = {"NEEDLE_REDIS_URL": server.url, "NEEDLE_DATA": str(folder), "NEEDLE_MUSIC": str(folder)}
    ours |= {"NEEDLE_SCAN_PROCESSES": "1", "NEEDLE_NICE": "false", "NEEDLE_LOG_FILE": str(log)}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "worker"], env={**plain, **ours, **environ}
    )
    try:
        wait_until(lambda: log.exists() and " ready." in log.read_text(), seconds=60, what="ready")
        yield log
        process.terminate()
        process.wait(20)
    finally:
        process.kill()
        process.wait()


def fail(server: ValkeyServer, log: Path) -> str:
    """Send a task that fails, and wait until it has; its id."""
    with Celery("sender", set_as_current=False) as app:
        app.conf.update(celery_settings(server.url))
        arguments = {"answer_id": "password=hunter2", "question": "{}"}
        task_id = str(app.send_task(LIBRARY_SEARCH, kwargs=arguments).id)
    wait_until(lambda: task_id in log.read_text(), seconds=30, what="it has failed")
    (line,) = [line for line in log.read_text().splitlines() if task_id in line]
    assert json.loads(line)["event"] == "task_failed"
    assert "hunter2" not in line
    return task_id


def test_sentry_hears_of_a_failure_once_without_secrets(
    private_valkey: ValkeyServer, tmp_path: Path
) -> None:
    receiver = Receiver()
    try:
        with worker(private_valkey, tmp_path, NEEDLE_SENTRY_DSN=receiver.dsn) as log:
            fail(private_valkey, log)
            wait_until(lambda: receiver.events, seconds=30, what="Sentry was told")
        (event,) = receiver.events
    finally:
        receiver.close()
    assert event["exception"]["values"][-1]["type"] == "ValueError"
    job = event["extra"]["celery-job"]
    assert job["task_name"] == LIBRARY_SEARCH
    assert job["kwargs"] == {"answer_id": "password=***", "question": "{}"}
    assert "hunter2" not in json.dumps(event)
    assert not event.get("breadcrumbs", {}).get("values")


CLOUDS = ("aws", "azure", "azureappservice", "azurefunction", "gcp", "pcf", "docker", "kubernetes")


def test_newrelic_hears_of_a_failure(private_valkey: ValkeyServer, tmp_path: Path) -> None:
    audit, agent = tmp_path / "audit.log", tmp_path / "agent.log"
    config = tmp_path / "newrelic.ini"
    config.write_text(
        "[newrelic]\n"
        f"license_key = {'0' * 40}\n"
        "app_name = Needle\n"
        "developer_mode = true\n"  # everything but the network
        f"audit_log_file = {audit}\n"
        f"log_file = {agent}\n"
        "log_level = debug\n"
        "shutdown_timeout = 7\n"
        # It would ask the network whether this machine is one of a cloud.
        + "".join(f"utilization.detect_{cloud} = false\n" for cloud in CLOUDS)
    )

    def observes() -> bool:
        # It misses the tasks that end before it is connected.
        return agent.exists() and "Starting data samplers" in agent.read_text()

    def told() -> bool:
        """Whether the process of tasks ended by itself: only then does New Relic send all it has.

        Celery's shutdown sometimes waits for ever, and is cut off (`worker.serving`).
        """
        return "Python Agent Shutdown" in agent.read_text()

    for _ in range(3):
        agent.unlink(missing_ok=True)
        with worker(private_valkey, tmp_path, NEEDLE_NEWRELIC_CONFIG=str(config)) as log:
            wait_until(observes, seconds=30, what="New Relic observes the process of tasks")
            fail(private_valkey, log)
        if told():
            break
    sent = audit.read_text()
    assert "error_data" in sent
    assert LIBRARY_SEARCH in sent
    assert "is no answer id" in sent


PROGRAM = """
import sys
for name in sys.argv[1:]:
    sys.modules[name] = None
from worker.settings import Tracking
from worker.tracking import start_tracking
from wire.settings import SettingsError
dsn, key = "http://a@127.0.0.1/1", "0" * 40
for tracking in (Tracking(sentry_dsn=dsn), Tracking(newrelic_license_key=key)):
    try:
        start_tracking(tracking)
    except SettingsError as error:
        print(error)
"""


def test_what_is_not_installed_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "sentry_sdk", "newrelic"],
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "NEEDLE_SENTRY_DSN is set, but sentry-sdk is not installed: pip install needle[sentry]",
        "NEEDLE_NEWRELIC_LICENSE_KEY is set, but newrelic is not installed: "
        "pip install needle[newrelic]",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [("NEEDLE_SENTRY_DSN", "no address"), ("NEEDLE_NEWRELIC_CONFIG", "/not/there")],
)
def test_what_cannot_be_used_ends_the_start(name: str, value: str, tmp_path: Path) -> None:
    environ = {**os.environ, "NEEDLE_DATA": str(tmp_path), name: value}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "worker"],
        env=environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"needle worker: {name}: ")


def test_nothing_is_imported_unless_asked_for() -> None:
    program = (
        "import sys; from worker.settings import Tracking; from worker.tracking import *; "
        "start_tracking(Tracking()); "
        "assert not {'celery', 'sentry_sdk', 'newrelic'} & sys.modules.keys(), sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], timeout=30, check=True)
