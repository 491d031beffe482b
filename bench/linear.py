"""How the cost of a scan grows with the library: the same kind of files, more and more of them.

    .venv/bin/python -m bench.linear [--parts 1 5 20] [--library FOLDER]

A part is 10,000 different files, of other albums than those of every other part, without covers and
with little audio.  For each number of parts: a first scan into a new catalog, and a second one with
nothing changed.  What a file costs is CPU of the worker's processes.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from bench.scan import scan_cost
from cli.demo.library import make_library
from tests.integration.stack import stack

PART_FILES = 10_000


def make_parts(folder: Path, parts: int) -> None:
    """Parts 1 to `parts` of the library, each in a folder; those that are there stay."""
    for number in range(1, parts + 1):
        make_library(folder / f"Part {number:02}", PART_FILES, seed=number, light=True)


def library_of(folder: Path, view: Path, parts: int) -> Path:
    """A root that holds the first parts, by hard links."""
    for number in range(1, parts + 1):
        source = folder / f"Part {number:02}"
        for base, _, names in os.walk(source):
            there = view / Path(base).relative_to(folder)
            there.mkdir(parents=True)
            for name in names:
                os.link(Path(base) / name, there / name)
    return view


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", type=int, nargs="+", default=[1, 5, 20])
    parser.add_argument("--library", help="make the parts here, and keep them")
    options = parser.parse_args()
    # Hard links need one file system.
    with tempfile.TemporaryDirectory(dir=options.library) as name:
        folder = Path(options.library or name)
        make_parts(folder, max(options.parts))
        base = 0.0
        for parts in options.parts:
            here = Path(name) / f"{parts} parts"
            here.mkdir()
            music = library_of(folder, here / "Music", parts)
            with stack(here, music, NEEDLE_NICE="false") as running:
                first, again = scan_cost(running, "quick"), scan_cost(running, "quick")
            files = parts * PART_FILES
            per_file = first.cpu / files * 1e6
            base = base or per_file
            print(
                f"{files:7} files: first {first.wall:6.1f} s, CPU {per_file:4.0f} \u00b5s a file"
                f" ({per_file / base:4.2f} x the first line), nothing changed {again.wall:5.2f} s,"
                f" {files / again.wall:7.0f} files/s",
                flush=True,
            )


if __name__ == "__main__":
    main()
