"""A whole scan against plain mutagen: the same library, one run, medians of several rounds.

    .venv/bin/python -m bench.scan [--files 10000] [--rounds 5] [--library FOLDER]

(a) a loop of `mutagen.File` in one process, (b) the same in two, (c) Needle from the request to
the final state on two pool processes, (d) a second quick scan with nothing changed.  The page
cache is warm in all of them.  CPU is that of all processes that take part, the worker's for (c)
and (d): on a machine that others use it tells more than seconds do.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mutagen
import psutil

from cli.demo.library import make_library
from tests.integration.stack import Stack, stack
from worker.library.formats import BY_EXTENSION, extension_of

TITLES = (
    "(a) mutagen, one process",
    "(b) mutagen, two processes",
    "(c) Needle, first scan",
    "(d) Needle, nothing changed",
)
SCAN_SECONDS = 900.0
#: As often as an open page hears of a scan; how long one took it tells itself.
ASKED_EVERY_SECONDS = 0.25


def audio_files(folder: Path) -> list[bytes]:
    """The files that Needle would read."""
    return [
        os.path.join(base, name)
        for base, _, names in os.walk(os.fsencode(folder))
        for name in names
        if extension_of(name) in BY_EXTENSION
    ]


def read_plainly(paths: list[bytes]) -> None:
    """What a program without any care does."""
    for path in paths:
        with contextlib.suppress(Exception):
            mutagen.File(os.fsdecode(path))


def read_in_two(paths: list[bytes]) -> None:
    """The same, in two processes."""
    with multiprocessing.Pool(2) as pool:
        pool.map(read_plainly, [paths[0::2], paths[1::2]])
        pool.close()
        pool.join()


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took, in seconds."""

    wall: float
    cpu: float


def cost(action: Callable[[], object]) -> Cost:
    """What `action` takes here and in the children it has waited for."""
    start, before = time.perf_counter(), os.times()
    action()
    after = os.times()
    return Cost(time.perf_counter() - start, sum(after[:4]) - sum(before[:4]))


def scan_cost(running: Stack, mode: str) -> Cost:
    """From the request to the final state, as the API tells them, and the worker's CPU."""
    before = worker_cpu(running)
    scan = running.wait_for_end(
        running.start_scan(mode), seconds=SCAN_SECONDS, every_seconds=ASKED_EVERY_SECONDS
    )
    assert scan["state"].startswith("completed"), scan
    return Cost(float(scan["duration_seconds"]), worker_cpu(running) - before)


def worker_cpu(running: Stack) -> float:
    """CPU seconds of the worker and its pool processes so far."""
    main = psutil.Process(running.worker.process.pid)
    times = [process.cpu_times() for process in (main, *main.children(recursive=True))]
    return float(sum(t.user + t.system for t in times))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--library", help="measure this folder instead of a generated one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        music = Path(options.library or Path(name) / "Music")
        if not options.library:
            make_library(music, files=options.files)
        paths = audio_files(music)
        read_plainly(paths)
        rows: dict[str, list[Cost]] = {title: [] for title in TITLES}
        for number in range(options.rounds):
            one, two, first, again = rows.values()
            one.append(cost(lambda: read_plainly(paths)))
            two.append(cost(lambda: read_in_two(paths)))
            folder = Path(name) / f"round{number}"
            folder.mkdir()
            # The others are measured at the usual priority.
            with stack(folder, music, NEEDLE_NICE="false") as running:
                first.append(scan_cost(running, "quick"))
                again.append(scan_cost(running, "quick"))
        show(len(paths), rows)


def show(files: int, rows: dict[str, list[Cost]]) -> None:
    """Print the medians, and what they are to those of (b)."""
    medians = {
        title: Cost(
            statistics.median(c.wall for c in costs), statistics.median(c.cpu for c in costs)
        )
        for title, costs in rows.items()
    }
    base = medians[TITLES[1]]
    print(f"{files} files, medians of {len(rows[TITLES[0]])}")
    for title, median in medians.items():
        print(
            f"{title:28} {median.wall:7.2f} s {files / median.wall:8.0f} files/s"
            f" {base.wall / median.wall:6.2f} x (b)"
            f"   CPU {median.cpu / files * 1e6:6.0f} µs a file {base.cpu / median.cpu:6.2f} x (b)"
        )


if __name__ == "__main__":
    main()
