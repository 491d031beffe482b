"""How long other programs take to scan a library, if they are on this machine.

    .venv/bin/python -m bench.peers [LIBRARY] [--rounds 3] [--beets PROGRAM] [--mpd PROGRAM]
                                 [--minidlna PROGRAM]

Needle scans on two processes, beets imports without changing anything (`import -A -C`), MPD and
minidlna build their databases; each twice, the second time with nothing changed.  Medians of the
rounds, in which all take their turns.  Nothing is installed, and LIBRARY is only read; without it
one of 10,000 files is made.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.scan import Cost, audio_files, cost, scan_cost
from cli.demo.library import make_library
from tests.integration.stack import stack
from tests.servers import free_port

MPD_SECONDS = 900.0


def beets(program: str, library: Path, folder: Path) -> Callable[[], object]:
    """One import with a library of its own."""
    config = folder / "config.yaml"
    config.write_text(
        f"directory: {folder / 'music'}\nlibrary: {folder / 'beets.db'}\n"
        "import: {copy: no, write: no, autotag: no, incremental: yes}\nplugins: []\n"
    )
    command = [program, "-c", str(config), "import", "-A", "-C", "-q", str(library)]
    environ = os.environ | {"BEETSDIR": str(folder)}
    return lambda: _quietly(command, environ)


def mpd(program: str, library: Path, folder: Path) -> Callable[[], object]:
    """One update of the database, asked for and watched over MPD's socket."""
    config = folder / "mpd.conf"
    config.write_text(
        f'music_directory "{library}"\ndb_file "{folder}/db"\nstate_file "{folder}/state"\n'
        f'bind_to_address "{folder}/socket"\nauto_update "no"\nlog_file "{folder}/log"\n'
        'audio_output {\n type "null"\n name "none"\n}\n'
    )

    def update() -> None:
        (folder / "socket").unlink(missing_ok=True)
        command = [program, "--no-daemon", str(config)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as it:
            try:
                with _mpd_connection(folder / "socket") as ask:
                    ask("update")
                    _wait(lambda: "updating_db" not in ask("status"))
            finally:
                it.terminate()

    return update


def minidlna(program: str, library: Path, folder: Path) -> Callable[[], object]:
    """One scan of its database, until its log says that it has finished."""
    config, log = folder / "minidlna.conf", folder / "minidlna.log"
    config.write_text(
        f"media_dir=A,{library}\ndb_dir={folder}\nlog_dir={folder}\nlog_level=general,scanner=info\n"
        f"network_interface=lo\nport={free_port()}\ninotify=no\n"
    )
    command = [program, "-S", "-f", str(config), "-P", str(folder / "pid")]

    def scan() -> None:
        log.unlink(missing_ok=True)
        null = subprocess.DEVNULL
        # The second time it is asked to look again, or it would do nothing.
        again = ["-r"] if (folder / "files.db").exists() else []
        with subprocess.Popen([*command, *again], stdout=null, stderr=null) as it:
            try:
                _wait(lambda: log.exists() and "finished (" in log.read_text(errors="replace"), it)
            finally:
                it.terminate()

    return scan


@contextmanager
def _mpd_connection(path: Path) -> Iterator[Callable[[str], str]]:
    _wait(path.exists)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        lines = connection.makefile("rw")
        lines.readline()

        def ask(command: str) -> str:
            lines.write(command + "\n")
            lines.flush()
            answer = ""
            while not (line := lines.readline()).startswith(("OK", "ACK")):
                answer += line
            return answer

        yield ask


def _wait(condition: Callable[[], bool], program: subprocess.Popen[bytes] | None = None) -> None:
    """Wait for a condition, while `program` runs.  Raises TimeoutError, RuntimeError."""
    end = time.monotonic() + MPD_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        if program is not None and program.poll() is not None and not condition():
            raise RuntimeError(f"{program.args!r} ended with {program.returncode}")
        time.sleep(0.005)


def _quietly(command: list[str], environ: dict[str, str]) -> None:
    null = subprocess.DEVNULL
    subprocess.run(command, env=environ, check=True, stdout=null, stderr=null)


def needle(library: Path, folder: Path) -> Iterator[Cost]:
    """Two scans by a worker and a page of their own."""
    with stack(folder, library, NEEDLE_NICE="false") as running:
        yield scan_cost(running, "quick")
        yield scan_cost(running, "quick")


def other(scan: Callable[[], object]) -> Iterator[Cost]:
    """Two scans by another program."""
    yield cost(scan)
    yield cost(scan)


def main() -> None:
    """Measure what is there, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--beets", default="beet")
    parser.add_argument("--mpd", default="mpd")
    parser.add_argument("--minidlna", default="minidlnad")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        library = (options.library or Path(folder) / "Music").resolve()
        if options.library is None:
            make_library(library, 10_000)
        found: dict[str, list[list[Cost]]] = {}
        for number in range(options.rounds):
            for name in ("needle", *OTHERS):
                own = Path(folder) / f"{name}{number}"
                own.mkdir()
                if name == "needle":
                    costs = needle(library, own)
                elif program := shutil.which(getattr(options, name)):
                    costs = other(OTHERS[name](program, library, own))
                else:
                    continue
                found.setdefault(name, []).append(list(costs))
        show(len(audio_files(library)), found)
        for name in OTHERS.keys() - found.keys():
            print(f"{name} is not on this machine")


def show(files: int, found: dict[str, list[list[Cost]]]) -> None:
    """Print medians, and how many times as long as Needle each took."""
    for turn, title in enumerate(("first", "unchanged")):
        walls, cpus = (
            {
                name: statistics.median(getattr(costs[turn], part) for costs in rounds)
                for name, rounds in found.items()
            }
            for part in ("wall", "cpu")
        )
        for name, wall in walls.items():
            print(
                f"{title:10} {name:9} {wall:8.2f} s {files / wall:8.0f} files/s"
                f" {wall / walls['needle']:6.2f} x as long   CPU {cpus[name]:7.2f} s"
            )


OTHERS = {"mpd": mpd, "minidlna": minidlna, "beets": beets}

if __name__ == "__main__":
    main()
