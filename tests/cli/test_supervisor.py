"""The supervisor with small parts: delays, warnings, logs."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import wait_until
from wire.logfile import LOG_BYTES, rotate

PROGRAM = """
import os, sys
from pathlib import Path
from cli.parts import Part
from cli.supervisor import Supervisor
from cli.terminal import say

supervisor = Supervisor(Path(sys.argv[1]), os.environ, ())
try:
    supervisor.start(Part("part", ("/bin/sh", "-c", sys.argv[2]), answers=lambda pid: True))
    supervisor.watch()
finally:
    supervisor.stop()
say("over")
"""


@contextmanager
def supervised(folder: Path, script: str) -> Iterator[Path]:
    """A supervisor in a process of its own, whose part runs `script`; gives its output."""
    output = folder / "output"
    with output.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", PROGRAM, str(folder), script], stdout=out, stderr=out
        )
    try:
        yield output
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert output.read_text().endswith("over\n")
    finally:
        process.kill()
        process.wait()


def test_delay_doubles_while_a_part_keeps_dying(tmp_path: Path) -> None:
    with supervised(tmp_path, "exit 3") as output:
        wait_until(lambda: "again in 2 s" in output.read_text())
        delays = re.findall(r"part ended \(exit code 3\): .* in (\S+) s", output.read_text())
        assert delays[:3] == ["0.5", "1", "2"]


def test_warnings_of_a_part_are_shown_escaped_and_few(tmp_path: Path) -> None:
    script = r"echo plain; printf 'WARNING \033[31m %s\n' 1 2 3 4 5; exec sleep 60"
    with supervised(tmp_path, script) as output:
        wait_until(lambda: "more lines in part.log" in output.read_text())
        assert "needle: part: WARNING \\x1b[31m 1\n" in output.read_text()
        assert "plain" not in output.read_text()
        assert "… 2 more lines" in output.read_text()


def test_part_that_ignores_signals_is_killed(tmp_path: Path) -> None:
    with supervised(tmp_path, "trap '' TERM; echo WARNING ready; while :; do sleep 1; done") as out:
        wait_until(lambda: "ready" in out.read_text())


def test_large_logs_are_set_aside(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    for text in ("first", "second", "third"):
        log.write_text(text)
        rotate(log)
        assert log.exists(), "a small log stays"
        with log.open("ab") as file:
            file.truncate(LOG_BYTES)
        rotate(log)
        assert not log.exists()
    assert [p.read_text().rstrip("\0") for p in sorted(tmp_path.iterdir())] == ["third", "second"]
