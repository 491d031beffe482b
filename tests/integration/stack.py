"""Needle's processes, as users run them, with the means to harm them one by one."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg

from tests.servers import ASK_SECONDS, ValkeyServer, free_port, valkey, wait_until
from wire.states import FINAL, ScanState

#: Seconds a small scan may take on a machine that does other things as well.
SCAN_SECONDS = 60.0


class Part:
    """One of the processes, its log, and its end."""

    def __init__(self, name: str, command: list[str], environ: dict[str, str], log: Path) -> None:
        self.name, self.command, self.environ, self.log = name, command, environ, log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, f"{self.name} was not started"
        return self._process

    def start(self, **environ: str) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command, env=self.environ | environ, stdout=log, stderr=log
            )

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it politely, and not so politely when it does not end."""
        if not self.is_alive():
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()


class Stack:
    """Valkey, a worker and the web server over one music folder."""

    def __init__(self, folder: Path, music: Path, server: ValkeyServer) -> None:
        self.folder, self.music, self.valkey = folder, music, server
        self.data = folder / "data"
        self.data.mkdir()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.postgres = ""  #: address of the catalog when it is no file
        environ = {k: v for k, v in os.environ.items() if not k.startswith("NEEDLE_")} | {
            "NEEDLE_REDIS_URL": server.url,
            "NEEDLE_DATA": str(self.data),
            "NEEDLE_MUSIC": str(music),
            "NEEDLE_PORT": str(self.port),
            "NEEDLE_SCAN_PROCESSES": "2",
            # Whoever asks is an operator: signing in has tests of its own (tests.web.signing_in).
            "NEEDLE_AUTH": "off",
            # What else this machine does must not decide how long a test takes.
            "NEEDLE_NICE": "false",
        }
        python = sys.executable
        self.worker = Part("worker", [python, "-m", "worker"], environ, folder / "worker.log")
        self.web = Part(
            "web",
            [python, "-m", "uvicorn", "web.app:create_app", "--factory", "--port", str(self.port),
             "--log-level", "warning"],
            environ,
            folder / "web.log",
        )  # fmt: skip

    def start(self, **environ: str) -> None:
        """Start worker and web, and wait until both answer."""
        self.worker.start(**environ)
        self.web.start(**environ)
        wait_until(self.is_ready, seconds=60, what="web and worker are ready")

    def is_ready(self) -> bool:
        for part in (self.worker, self.web):
            assert part.is_alive(), f"{part.name} ended with {part.process.returncode}"
        return self.is_ready_to_scan()

    def is_ready_to_scan(self) -> bool:
        """Whether `/readyz` says so."""
        try:
            return bool(self.get("/readyz"))
        except urllib.error.HTTPError as error:
            error.close()
        except OSError:
            pass
        return False

    def request(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - our own server on loopback
            self.url + path, data, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=15) as answer:  # noqa: S310 - likewise
            return json.load(answer)

    def get(self, path: str) -> Any:
        return self.request("GET", path)

    def text(self, path: str) -> str:
        """A page as it comes."""
        with urllib.request.urlopen(self.url + path, timeout=15) as answer:  # noqa: S310 - ours
            return str(answer.read().decode())

    def start_scan(self, mode: str = "quick") -> str:
        return str(self.request("POST", "/api/v1/scans", {"mode": mode})["id"])

    def scan(self, scan_id: str) -> dict[str, Any]:
        """The scan as the API tells it; {} while the web server is away."""
        try:
            answer: dict[str, Any] = self.get(f"/api/v1/scans/{scan_id}")
        except urllib.error.HTTPError as error:
            error.close()
            return {}
        except OSError:
            return {}
        return answer

    def wait_for_end(
        self, scan_id: str, seconds: float = SCAN_SECONDS, every_seconds: float = ASK_SECONDS
    ) -> dict[str, Any]:
        """The scan in its final state; the logs say why there is none."""
        try:
            wait_until(
                lambda: self.scan(scan_id).get("state") in FINAL,
                seconds=seconds,
                every_seconds=every_seconds,
                what=f"scan {scan_id} ends",
            )
        except AssertionError:
            self.show_logs()
            raise
        return self.scan(scan_id)

    def show_logs(self) -> None:
        """Write the ends of the logs where pytest shows them with a failure."""
        for part in (self.worker, self.web):
            if part.log.exists():
                tail = part.log.read_text(errors="replace")[-6000:]
                sys.stderr.write(f"\n--- {part.name} log ---\n{tail}\n")

    def wait_for_state(self, scan_id: str, *states: str, seconds: float = 60) -> None:
        wait_until(
            lambda: self.scan(scan_id).get("state") in states,
            seconds=seconds,
            what=f"{scan_id} is {states}",
        )

    def wait_for_stored(self, scan_id: str, files: int) -> None:
        """Wait until at least so many files of the scan have their outcome."""

        def stored() -> bool:
            counts = self.scan(scan_id).get("counts", {})
            return bool(sum(counts.values()) - counts.get("files_found", 0) >= files)

        wait_until(stored, seconds=60, what=f"{files} files are stored")

    def run_scan(self, mode: str = "quick") -> dict[str, Any]:
        return self.wait_for_end(self.start_scan(mode))

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What a query gives on the catalog."""
        if self.postgres:
            with psycopg.connect(self.postgres) as server:
                return server.execute(sql.replace("?", "%s").encode(), values).fetchall()
        with closing(sqlite3.connect(self.data / "library.db", timeout=20)) as db:
            return db.execute(sql, values).fetchall()

    def value(self, sql: str, *values: object) -> Any:
        return self.rows(sql, *values)[0][0]

    def stop(self) -> None:
        self.web.stop()
        self.worker.stop()


@contextmanager
def stack(folder: Path, music: Path, **environ: str) -> Iterator[Stack]:
    """A running stack, ended whatever happens; its logs are shown when a test fails in it."""
    with valkey(folder / "valkey") as server:
        parts = Stack(folder, music, server)
        try:
            parts.postgres = environ.get("NEEDLE_DATABASE_URL", "")
            parts.start(**environ)
            yield parts
        except BaseException:
            parts.show_logs()
            raise
        finally:
            parts.stop()


def check_ledger(stack: Stack, scan: dict[str, Any], files: int, tracks: int) -> None:
    """Nothing lost, nothing doubled, and the page says what the catalog says."""
    counts = scan["counts"]
    assert ScanState(scan["state"]) in FINAL
    assert stack.postgres or stack.value("PRAGMA integrity_check") == "ok"
    assert stack.value("SELECT count(*) FROM files WHERE missing_since IS NULL") == files
    assert stack.value("SELECT count(*) FROM tracks") == tracks
    assert stack.value("SELECT count(DISTINCT file_id) FROM tracks") == tracks
    assert counts["files_found"] == files
    outcomes = {k: v for k, v in counts.items() if k not in ("files_found", "missing")}
    assert sum(outcomes.values()) == files, counts
    told = dict(
        stack.rows(
            "SELECT outcome, count(*) FROM outcomes WHERE scan_id = ? GROUP BY 1", scan["id"]
        )
    )
    assert told == {k: v for k, v in counts.items() if v and k not in ("files_found", "unchanged")}
    of_scan = stack.rows(
        "SELECT file_id FROM outcomes WHERE scan_id = ? AND file_id IS NOT NULL"
        " UNION ALL SELECT id FROM files JOIN unchanged ON id BETWEEN first_file_id AND"
        " last_file_id WHERE scan_id = ?",
        scan["id"],
        scan["id"],
    )
    assert len(of_scan) == len(set(of_scan)) == files + counts.get("missing", 0)
