"""How fast files are read: a plain loop of `mutagen.File` against our Reader, in one run.

    python -m bench.reading [--files 2000] [--library FOLDER] [--profile]

Both read the same files of a generated library, one process, warm cache.  CPU seconds count, for
others may be using the machine; of five rounds each, in turns, the median.
"""

from __future__ import annotations

import argparse
import contextlib
import cProfile
import os
import pstats
import statistics
import tempfile
import time
from collections.abc import Callable

import mutagen

from cli.demo.library import make_library
from worker.library import mutagen_tuning
from worker.library.model import Folder, FoundFile
from worker.library.reader import Reader
from worker.library.walk import walk

ROUNDS = 5


def main() -> None:
    """Print files a second of both, and how they compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--library", help="read this folder instead of a generated one")
    parser.add_argument("--profile", action="store_true", help="show where our time goes")
    options = parser.parse_args()
    with contextlib.ExitStack() as leave:
        folder = options.library
        if folder is None:
            folder = leave.enter_context(tempfile.TemporaryDirectory())
            make_library(folder, options.files)
        root = os.fsencode(folder)
        files = [f for entry in walk(root) if isinstance(entry, Folder) for f in entry.files]
        if options.profile:
            _profile(lambda: _read(root, files))
        _compare(root, files)


def _compare(root: bytes, files: list[FoundFile]) -> None:
    plain, ours = [], []
    for _ in range(ROUNDS):
        plain.append(_seconds(lambda: _read_plainly(root, files)))
        ours.append(_seconds(lambda: _read(root, files)))
    for name, seconds in (("mutagen.File", plain), ("Reader", ours)):
        median = statistics.median(seconds)
        rate = len(files) / median
        print(f"{name:14} {median / len(files) * 1e6:7.0f} µs a file {rate:7.0f} files/s")
    ratio = statistics.median(p / o for p, o in zip(plain, ours, strict=True))
    print(f"{'ratio':14} {ratio:7.2f}")


def _read_plainly(root: bytes, files: list[FoundFile]) -> None:
    mutagen_tuning.remove()
    for file in files:
        with contextlib.suppress(Exception):
            mutagen.File(os.fsdecode(root + b"/" + file.path))


def _read(root: bytes, files: list[FoundFile]) -> None:
    with Reader(root) as reader:
        for file in files:
            reader.read(file)


def _seconds(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _profile(work: Callable[[], None]) -> None:
    profile = cProfile.Profile()
    profile.runcall(work)
    pstats.Stats(profile).sort_stats("tottime").print_stats(35)


if __name__ == "__main__":
    main()
