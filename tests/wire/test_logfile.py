"""Several processes write one log while it is set aside again and again: no line is lost."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from wire.logfile import LogFile, rotate

LINE = b"x" * 99 + b"\n"


def kept(path: Path) -> list[bytes]:
    files = [path.with_name(f"{path.name}.{n}") for n in (2, 1)] + [path]
    return b"".join(f.read_bytes() for f in files if f.exists()).splitlines()


def test_a_large_file_is_set_aside_while_running(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    log = LogFile(path, most_bytes=1000)
    for number in range(25):
        log.write(b"%099d\n" % number)
    assert [int(line) for line in kept(path)] == list(range(25))
    assert path.stat().st_size == 500
    for number in range(25, 100):
        log.write(b"%099d\n" % number)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.log", "a.log.1", "a.log.2"]
    assert [int(line) for line in kept(path)] == list(range(70, 100))


def test_processes_lose_no_line_to_each_other(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    log = LogFile(path, most_bytes=50_000)  # 4 x 300 lines are 120 KB: set aside twice
    children = []
    for child in range(4):
        pid = os.fork()
        if not pid:
            for number in range(300):
                log.write(b"%d %097d\n" % (child, number))
            os._exit(0)
        children.append(pid)
    for pid in children:
        assert os.waitpid(pid, 0)[1] == 0
    lines = kept(path)
    assert len(lines) == 1200
    for child in range(4):
        assert [int(n[2:]) for n in lines if n.startswith(b"%d " % child)] == list(range(300))


def test_a_file_that_was_renamed_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    log = LogFile(path)
    log.write(b"1\n")
    path.rename(tmp_path / "old")
    log.write(b"2\n")
    assert (tmp_path / "old").read_bytes() == b"1\n"
    assert path.read_bytes() == b"2\n"
    path.unlink()
    log.write(b"3\n")
    assert path.read_bytes() == b"3\n"


def test_what_else_is_said_follows_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    program = (
        "import os, pathlib, sys; from wire.logfile import LogFile\n"
        "log = LogFile(pathlib.Path(sys.argv[1]), 150)\n"
        "os.write(2, b'raw 1\\n')\n"
        "for _ in range(2): log.write(b'x' * 99 + b'\\n')\n"
        "os.write(2, b'raw 2\\n')\n"
    )
    with path.open("ab") as out:
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-c", program, str(path)],
            {"PYTHONPATH": ":".join(sys.path)},
            file_actions=[(os.POSIX_SPAWN_DUP2, out.fileno(), 2)],
        )
    assert os.waitpid(pid, 0)[1] == 0
    assert path.read_bytes().splitlines() == [b"x" * 99, b"raw 2"]
    assert (tmp_path / "a.log.1").read_bytes().splitlines() == [b"raw 1", b"x" * 99]


def test_a_file_that_cannot_be_set_aside_grows(tmp_path: Path) -> None:
    (tmp_path / "a.log.1").write_bytes(b"")
    (tmp_path / "a.log.2" / "in the way").mkdir(parents=True)
    log = LogFile(tmp_path / "a.log", 100)
    for _ in range(5):
        log.write(LINE)
    assert (tmp_path / "a.log").read_bytes() == LINE * 5


def test_small_files_are_not_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(LINE)
    rotate(path, 1000)
    assert path.exists()
