"""What an idle Needle costs: memory and CPU of everything that `needle up` starts.

RSS counts memory that processes share once for each of them, PSS shares it out; the first is what
the goal of 250 MB is about.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.cli.running import Up

SECONDS = 60
SETTLE_SECONDS = 15


def main() -> None:
    """Measure and print a table."""
    with tempfile.TemporaryDirectory() as folder:
        music = Path(folder) / "music"
        music.mkdir()
        up = Up(Path(folder) / "data", music)
        try:
            up.wait_ready()
            time.sleep(SETTLE_SECONDS)
            _measure([psutil.Process(up.process.pid), *up.family()])
        finally:
            up.process.send_signal(signal.SIGTERM)
            try:
                up.process.wait(10)
            except subprocess.TimeoutExpired:
                up.end()


def _measure(processes: list[psutil.Process]) -> None:
    processes.sort(key=lambda process: process.pid)
    before = {process.pid: _cpu_seconds(process) for process in processes}
    begun = time.monotonic()
    time.sleep(SECONDS)
    elapsed = time.monotonic() - begun
    print(f"{'pid':>7} {'RSS MB':>8} {'PSS MB':>8} {'CPU %':>7}  command")
    totals = [0.0, 0.0, 0.0]
    for process in processes:
        memory = process.memory_full_info()
        row = (
            memory.rss / 2**20,
            getattr(memory, "pss", 0) / 2**20,  # Linux only
            100 * (_cpu_seconds(process) - before[process.pid]) / elapsed,
        )
        totals = [total + value for total, value in zip(totals, row, strict=True)]
        command = " ".join(process.cmdline()).split("\n")[0][-60:]
        print(f"{process.pid:>7} {row[0]:8.1f} {row[1]:8.1f} {row[2]:7.2f}  {command}")
    print(
        f"{'all':>7} {totals[0]:8.1f} {totals[1]:8.1f} {totals[2]:7.2f}  of one core, {SECONDS} s"
    )


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    sys.exit(main())
