"""One part of Needle as a process: its command, its log, how it is ended."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

#: A log that is larger than this at the start of Needle is set aside; two old ones are kept.
LOG_BYTES = 5_000_000
_WARNING = re.compile(rb"\b(?:WARNING|ERROR|CRITICAL)\b")
#: Log lines shown on the terminal at a time, characters of each.
_LINES, _LINE_CHARS = 3, 200


@dataclass(frozen=True, slots=True)
class Part:
    """What is started, and how it is known to answer."""

    name: str  #: as shown, and the name of its log
    command: tuple[str, ...]
    answers: Callable[[int], bool]  #: asked with its pid until it says yes
    stdin: str = ""
    #: Signal, then seconds to wait for it; SIGKILL follows the last one.
    ending: tuple[tuple[signal.Signals, float], ...] = ((signal.SIGTERM, 3.0),)
    quiet: bool = False  #: its warnings stay in the log


class Process:
    """A started part.  It leads a process group of its own, which ends with it."""

    def __init__(
        self, part: Part, logs: Path, environ: Mapping[str, str], inherited: Sequence[int]
    ) -> None:
        self.part = part
        self.log = logs / f"{part.name}.log"
        self.started_at = time.monotonic()
        self.answered = False
        self._signals_sent = 0
        with self.log.open("ab") as log:
            self._seen = log.seek(0, os.SEEK_END)
            self._popen = subprocess.Popen(
                part.command,
                stdin=subprocess.PIPE if part.stdin else subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environ,
                pass_fds=inherited,
                process_group=0,
            )
        if self._popen.stdin is not None:
            with contextlib.suppress(BrokenPipeError), self._popen.stdin as stdin:
                stdin.write(part.stdin.encode())

    @property
    def pid(self) -> int:
        """Its process id, which is its process group's as well."""
        return self._popen.pid

    def has_ended(self) -> bool:
        """Whether it is gone; what it left in its group is killed then."""
        if self._popen.poll() is None:
            return False
        self.kill()
        return True

    def how_it_ended(self) -> str:
        """Such as `exit code 1` or `SIGKILL`, for people."""
        code = self._popen.returncode
        if code is None or code >= 0:
            return f"exit code {code}"
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"

    def check_answer(self) -> bool:
        """Whether it has answered since it was started."""
        self.answered = self.answered or self.part.answers(self.pid)
        return self.answered

    def end(self, elapsed_seconds: float) -> None:
        """Send what is due by now of `Part.ending`; to be called until it has ended."""
        due = 0.0
        for index, (number, seconds) in enumerate(self.part.ending):
            if elapsed_seconds >= due and index >= self._signals_sent:
                self._signals_sent = index + 1
                self._popen.send_signal(number)
            due += seconds
        if elapsed_seconds >= due:
            self.kill()

    def kill(self) -> None:
        """End its whole group at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # gone, or only zombies
            os.killpg(self.pid, signal.SIGKILL)

    def new_warnings(self) -> Iterator[str]:
        """What it logged as a warning or worse since the last call, shortened."""
        if self.part.quiet or self.log.stat().st_size <= self._seen:
            return
        with self.log.open("rb") as log:
            log.seek(self._seen)
            lines = [line for line in log.read(1 << 20).splitlines() if _WARNING.search(line[:200])]
            self._seen = log.seek(0, os.SEEK_END)
        for line in lines[:_LINES]:
            yield line.decode("utf-8", "replace").strip()[:_LINE_CHARS]
        if len(lines) > _LINES:
            yield f"… {len(lines) - _LINES} more lines in {self.log.name}"

    def last_words(self) -> str:
        """The last line of its log, "" when there is none."""
        with self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 4096))
            lines = log.read().decode("utf-8", "replace").split("\n")
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


def rotate(log: Path) -> None:
    """Set a log aside when it has grown large: `x.log.1` is newer than `x.log.2`."""
    if not log.exists() or log.stat().st_size < LOG_BYTES:
        return
    older, oldest = (log.with_name(f"{log.name}.{n}") for n in (1, 2))
    if older.exists():
        older.replace(oldest)
    log.replace(older)
