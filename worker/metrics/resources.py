"""What a process and its children take of the machine."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Resources:
    """At one moment; process and children together."""

    rss_bytes: int
    cpu_percent: float  #: of one core, since the last look
    disk_read_bytes: int  #: since the processes started; 0 where the system does not tell
    disk_written_bytes: int
    processes: int


class ResourceMeter:
    """Looks at this process; it must be made in the process it looks at."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._before: tuple[float, float] = (time.monotonic(), 0.0)
        #: What ended children had read and written, so that the sums never fall.
        self._disk: dict[int, tuple[int, int]] = {}
        self._disk_ended = (0, 0)

    def look(self) -> Resources:
        """Everything at this moment."""
        rss, cpu, count = 0, 0.0, 0
        disk: dict[int, tuple[int, int]] = {}
        for process in (self._process, *self._process.children()):
            try:
                with process.oneshot():
                    rss += process.memory_info().rss
                    times = process.cpu_times()
                    cpu += times.user + times.system
                    disk[process.pid] = _disk_bytes(process)
                    count += 1
            except psutil.Error:
                continue  # it ended meanwhile
        read, written = self._disk_totals(disk)
        now = time.monotonic()
        (then, cpu_then), self._before = self._before, (now, cpu)
        percent = round(max(0.0, cpu - cpu_then) / (now - then) * 100, 1) if now - then > 1 else 0.0
        return Resources(rss, percent, read, written, count)

    def _disk_totals(self, disk: dict[int, tuple[int, int]]) -> tuple[int, int]:
        read, written = self._disk_ended
        for pid in self._disk.keys() - disk.keys():
            read, written = read + self._disk[pid][0], written + self._disk[pid][1]
        self._disk_ended, self._disk = (read, written), disk
        return (
            read + sum(pair[0] for pair in disk.values()),
            written + sum(pair[1] for pair in disk.values()),
        )


def _disk_bytes(process: psutil.Process) -> tuple[int, int]:
    if not hasattr(process, "io_counters"):  # macOS
        return 0, 0
    counters = process.io_counters()
    return counters.read_bytes, counters.write_bytes
