"""A whole scan against plain mutagen: the same library, one run, medians of several rounds.

    .venv/bin/python -m bench.scan [--files 10000] [--rounds 5]

(a) a loop of `mutagen.File` in one process, (b) the same in two, (c) Needle from the request to
the final state on two pool processes, (d) a second quick scan with nothing changed.  The page
cache is warm in all of them.
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
from pathlib import Path

import mutagen

from cli.demo.library import make_library
from tests.integration.stack import Stack, stack
from worker.library.formats import BY_EXTENSION, extension_of


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


def seconds(action: Callable[[], object]) -> float:
    """How long `action` takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def scan_seconds(running: Stack, mode: str) -> float:
    """From the request to the final state, as the API tells them."""
    scan = running.run_scan(mode)
    assert scan["state"].startswith("completed"), scan
    return float(scan["duration_seconds"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        music = Path(name) / "Music"
        make_library(music, files=options.files)
        paths = audio_files(music)
        read_plainly(paths)
        one, two, first, again = [], [], [], []
        for number in range(options.rounds):
            one.append(seconds(lambda: read_plainly(paths)))
            two.append(seconds(lambda: read_in_two(paths)))
            folder = Path(name) / f"round{number}"
            folder.mkdir()
            with stack(folder, music) as running:
                first.append(scan_seconds(running, "quick"))
                again.append(scan_seconds(running, "quick"))
        baseline = statistics.median(two)
        print(f"{len(paths)} files, {options.rounds} rounds, medians")
        rows = {"(a) mutagen, one process": one, "(b) mutagen, two processes": two,
                "(c) Needle, first scan": first, "(d) Needle, nothing changed": again}  # fmt: skip
        for title, values in rows.items():
            median = statistics.median(values)
            speed, ratio = len(paths) / median, baseline / median
            print(f"{title:30} {median:7.2f} s {speed:9.0f} files/s  {ratio:6.2f} x (b)")


if __name__ == "__main__":
    main()
