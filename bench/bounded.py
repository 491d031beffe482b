"""What a scan of a very large library takes: the memory of Redis and of every process.

    .venv/bin/python -m bench.bounded [--files 1000000] [--folder-files 1000]

The files are empty, so nothing but the flow of work is measured; each is a problem that is stored
and told, which is more than a good file costs Redis.  Counts are compared with the tree.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import psutil

from tests.integration.stack import Stack, stack
from wire.states import FINAL

REDIS_LIMIT_MB, PROCESS_LIMIT_MB = 64, 300
MB = 2**20


def make_tree(root: Path, files: int, folder_files: int) -> None:
    """`files` empty audio files, `folder_files` in each folder."""
    for start in range(0, files, folder_files):
        folder = root / f"{start // folder_files:05}"
        folder.mkdir(parents=True)
        for number in range(min(folder_files, files - start)):
            os.mknod(folder / f"{number:06}.mp3")


class Peaks:
    """The most memory that Redis and each process have held, in MB."""

    def __init__(self, running: Stack) -> None:
        self._running = running
        self._redis = running.valkey.client()
        self.redis = 0.0
        self.processes = {"web": 0.0, "worker": 0.0, "pool": 0.0}

    def look(self) -> None:
        self.redis = max(self.redis, self._redis.info("memory")["used_memory"] / MB)
        worker = psutil.Process(self._running.worker.process.pid)
        self._note("web", psutil.Process(self._running.web.process.pid))
        self._note("worker", worker)
        for child in worker.children():
            self._note("pool", child)

    def _note(self, name: str, process: psutil.Process) -> None:
        try:
            rss = process.memory_info().rss / MB
        except psutil.NoSuchProcess:
            return
        self.processes[name] = max(self.processes[name], rss)


def measure(running: Stack, files: int) -> None:
    """One scan; prints its figures.  AssertionError when a limit or a count does not hold."""
    peaks, began = Peaks(running), time.monotonic()
    scan_id = running.start_scan()
    while (scan := running.scan(scan_id)).get("state") not in FINAL:
        peaks.look()
        time.sleep(0.5)
    seconds = time.monotonic() - began
    shown = ", ".join(f"{name} {rss:.0f}" for name, rss in peaks.processes.items())
    print(f"{files} files: {seconds:.0f} s, {files / seconds:.0f} files/s, {scan['state']}")
    print(f"most memory in MB: Redis {peaks.redis:.1f}, {shown}")
    outcomes = {name: n for name, n in scan["counts"].items() if n and name != "files_found"}
    print(f"counts: {outcomes}")
    assert scan["counts"]["files_found"] == sum(outcomes.values()) == files, scan["counts"]
    assert running.value("SELECT count(*) FROM files") == files
    assert peaks.redis < REDIS_LIMIT_MB
    assert max(peaks.processes.values()) < PROCESS_LIMIT_MB


def main() -> None:
    """Make the tree, scan it twice: everything is new, then nothing has changed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--folder-files", type=int, default=1_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        music = Path(name) / "Music"
        make_tree(music, options.files, options.folder_files)
        with stack(Path(name), music) as running:
            measure(running, options.files)
            measure(running, options.files)


if __name__ == "__main__":
    main()
