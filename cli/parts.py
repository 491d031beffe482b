"""One part of Needle as a process: its command, its log, how it is ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wire.logs import readable
from wire.settings import LOG_FILE

_WARNINGS = ("WARNING", "ERROR", "CRITICAL")
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
    foreign: bool = False  #: not our program: its warnings stay in its log, which we rotate


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
                env={**environ, LOG_FILE.name: str(self.log)},
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
        size = self.log.stat().st_size if self.log.exists() else 0
        if size < self._seen:  # it was set aside meanwhile
            self._seen = 0
        if self.part.foreign or size == self._seen:
            return
        with self.log.open("rb") as log:
            log.seek(self._seen)
            lines = log.read(1 << 20).splitlines()
            self._seen = log.seek(0, os.SEEK_END)
        warnings = list(_warnings(lines))
        for warning in warnings[:_LINES]:
            yield warning[:_LINE_CHARS]
        if len(warnings) > _LINES:
            yield f"… {len(warnings) - _LINES} more lines in {self.log.name}"

    def last_words(self) -> str:
        """The last line of its log, "" when there is none."""
        with self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 4096))
            lines = log.read().decode("utf-8", "replace").split("\n")
        return next((readable(line)[1][:300] for line in reversed(lines) if line.strip()), "")


def _warnings(lines: Sequence[bytes]) -> Iterator[str]:
    """Those lines of a log that are warnings or worse, for people."""
    for line in lines:
        level, text = readable(line.decode("utf-8", "replace"))
        if level in _WARNINGS:
            yield text if level in text else f"{level} {text}"
