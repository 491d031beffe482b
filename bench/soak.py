"""Many scans one after the other: memory, Redis keys and open files must not grow.

    .venv/bin/python -m bench.soak [--scans 1000] [--files 60]

Quick, full, normal and retrying scans take turns, and a file changes before each.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import astuple, dataclass, fields
from itertools import cycle, islice
from pathlib import Path

import psutil

from cli.demo.library import make_library
from tests.integration.stack import Stack, stack
from wire.keys import SCANS_KEPT
from wire.states import ScanMode

MB = 2**20
#: MB that a process may weigh more at the end than before, beyond what its allocator keeps.
GROWTH_MB = 6.0
GROWTH = 1.05


@dataclass(frozen=True, slots=True)
class Sample:
    """What Needle holds after so many scans; memory in MB."""

    scans: int
    keys: int
    redis: float
    web: float
    worker: float
    pool: float  #: the largest pool process
    files: int  #: open ones, sockets included, of web and worker
    catalog: float


def soak(running: Stack, scans: int, every: int) -> list[Sample]:
    """Run `scans` scans and look after each `every` of them.  AssertionError when one fails."""
    changing = next(path for path in sorted(running.music.rglob("*.flac")))
    samples = []
    for number, mode in enumerate(islice(cycle(ScanMode), scans), start=1):
        changing.touch()
        ended = running.run_scan(mode.value)
        assert ended["state"].startswith("completed"), ended
        if number % every == 0:
            samples.append(look(running, number))
    return samples


def look(running: Stack, scans: int) -> Sample:
    """What Needle holds now."""
    worker, web = (psutil.Process(part.process.pid) for part in (running.worker, running.web))
    with running.valkey.client() as client:
        keys, memory = client.dbsize(), client.info("memory")["used_memory"]
    return Sample(
        scans=scans,
        keys=keys,
        redis=memory / MB,
        web=_rss(web),
        worker=_rss(worker),
        pool=max(map(_rss, worker.children()), default=0.0),
        files=worker.num_fds() + web.num_fds(),
        catalog=(running.data / "library.db").stat().st_size / MB,
    )


def grown(samples: list[Sample]) -> list[str]:
    """What is larger in the last quarter of the samples than in the second, as sentences."""
    quarter = max(1, len(samples) // 4)
    before, after = samples[quarter : 2 * quarter], samples[-quarter:]
    found = []
    for name in ("web", "worker", "pool", "files"):
        was, now = (statistics.median(getattr(s, name) for s in part) for part in (before, after))
        if now > was * GROWTH + GROWTH_MB:
            found.append(f"{name}: {was:.0f} became {now:.0f}")
    # A scan that is remembered is one document; the lists of problems of the last few come to it.
    remembered = min(after[-1].scans, SCANS_KEPT) - min(before[-1].scans, SCANS_KEPT)
    if after[-1].keys > before[-1].keys + remembered + 12:
        found.append(f"keys: {before[-1].keys} became {after[-1].keys}")
    return found


def _rss(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss) / MB
    except psutil.NoSuchProcess:
        return 0.0


def main() -> None:
    """Soak, print the samples, and fail when something has grown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=1_000)
    parser.add_argument("--files", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        music, began = Path(name) / "Music", time.monotonic()
        make_library(music, files=options.files)
        with stack(Path(name), music) as running:
            samples = soak(running, options.scans, max(1, options.scans // 20))
    print(" ".join(f"{field.name:>8}" for field in fields(Sample)))
    for sample in samples:
        print(" ".join(f"{round(value, 1):>8}" for value in astuple(sample)))
    print(f"{options.scans} scans in {time.monotonic() - began:.0f} s")
    assert not grown(samples), grown(samples)


if __name__ == "__main__":
    main()
