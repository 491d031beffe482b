"""Keeps the parts running: starts them in order, starts again what dies, ends them in order.

1. One thread, no polling but a look a second; a signal or the end of a child wakes it at once.
2. Redis is the first part: it starts first and ends last.
3. Whatever happens here, `cli.watchman` ends the parts when this process is gone.
4. Stopping takes less than 10 s: the waits in `Part.ending` of both rounds add up to that.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.parts import Part, Process
from cli.terminal import Failure, complain, say, shown
from cli.watchman import Watchman
from wire.logfile import rotate

log = logging.getLogger("needle.supervisor")
log.addHandler(logging.NullHandler())  # what is said on the terminal is not said there twice

#: Seconds that all parts together may take to answer: a Raspberry Pi needs about 20.
START_SECONDS = 120.0
FIRST_DELAY, LONGEST_DELAY, HEALTHY_SECONDS = 0.5, 30.0, 60.0
LOOK_SECONDS = 1.0
#: Ctrl-C reaches us twice under `make`; a second request counts only after this.
SAME_REQUEST_SECONDS = 0.5


class Stopped(Exception):  # noqa: N818 - a request, not an error
    """Somebody asked Needle to stop before all parts answered."""


class Requests:
    """SIGINT, SIGTERM and SIGHUP ask to stop; they and SIGCHLD end a `wait` at once."""

    def __init__(self) -> None:
        self.count = 0
        self._last = float("-inf")
        self._read, self._write = os.pipe()
        for end in (self._read, self._write):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                signal.signal(number, lambda *_: self._asked())

    def wait(self, seconds: float) -> None:
        """Return after `seconds`, or as soon as something happened."""
        ready, _, _ = select.select([self._read], [], [], max(0.0, seconds))
        if ready:
            os.read(self._read, 4096)

    def _asked(self) -> None:
        now = time.monotonic()
        if now - self._last > SAME_REQUEST_SECONDS:
            self.count += 1
            self._last = now


@dataclass(slots=True)
class Slot:
    """A part, and its process while it has one."""

    part: Part
    process: Process | None = None
    delay: float = FIRST_DELAY  #: seconds before the next start, should it die now
    retry_at: float = 0.0


class Supervisor:
    """The parts of one `needle up`.  `inherited` are descriptors that every part keeps open."""

    def __init__(self, logs: Path, environ: Mapping[str, str], inherited: Sequence[int]) -> None:
        self._requests = Requests()
        self._logs, self._environ, self._inherited = logs, environ, inherited
        self._watchman = Watchman(inherited)
        self._slots: list[Slot] = []

    def start(self, *parts: Part) -> None:
        """Start the parts side by side and wait until each answers.

        Raises:
            Failure: one of them ended, or does not answer in time.
            Stopped: a signal came first.
        """
        for part in parts:
            rotate(self._logs / f"{part.name}.log")
            self._slots.append(Slot(part))
            self._launch(self._slots[-1])
        waiting = [slot.process for slot in self._slots[-len(parts) :] if slot.process]
        deadline, pause = time.monotonic() + START_SECONDS, 0.02
        while waiting := [process for process in waiting if not process.check_answer()]:
            for process in waiting:
                if process.has_ended():
                    raise Failure(_no_start(process, f"ended with {process.how_it_ended()}"))
                if time.monotonic() > deadline:
                    raise Failure(_no_start(process, f"gave no answer in {START_SECONDS:.0f} s"))
            if self._requests.count:
                raise Stopped
            self._requests.wait(pause)
            pause = min(0.2, pause * 1.5)

    def pids(self) -> dict[str, int]:
        """Name -> process id of the parts that run, in the order of starting."""
        return {slot.part.name: slot.process.pid for slot in self._slots if slot.process}

    def watch(self) -> None:
        """Start again what dies, and show warnings, until somebody asks to stop."""
        while not self._requests.count:
            for slot in self._slots:
                self._look_after(slot)
            if self._watchman.is_gone():
                self._tell_watchman()
            due = [s.retry_at - time.monotonic() for s in self._slots if s.process is None]
            self._requests.wait(min([LOOK_SECONDS, *due]))

    def stop(self) -> None:
        """End all parts, Redis last.  Another request to stop kills them at once."""
        log.info("stopping")
        asked = self._requests.count
        for round_of in (self._slots[1:], self._slots[:1]):
            begun = time.monotonic()
            left = [slot.process for slot in round_of if slot.process]
            while left := [process for process in left if not process.has_ended()]:
                for process in left:
                    if self._requests.count > asked:
                        process.kill()
                    else:
                        process.end(time.monotonic() - begun)
                self._requests.wait(0.1)
        self._watchman.dismiss()

    def _look_after(self, slot: Slot) -> None:
        now, process = time.monotonic(), slot.process
        if process is None:
            if now >= slot.retry_at:
                self._launch(slot)
            return
        for line in process.new_warnings():
            complain(f"{slot.part.name}: {line}")
        if slot.part.foreign:
            rotate(process.log)
        if process.has_ended():
            if now - process.started_at > HEALTHY_SECONDS:
                slot.delay = FIRST_DELAY
            sentence = (
                f"{slot.part.name} ended ({process.how_it_ended()}): "
                f"starting it again in {slot.delay:g} s"
            )
            complain(sentence)
            log.warning("%s", sentence)
            slot.process, slot.retry_at = None, now + slot.delay
            slot.delay = min(LONGEST_DELAY, slot.delay * 2)
        elif not process.answered and process.check_answer():
            sentence = f"{slot.part.name} answers again (pid {process.pid})"
            say(sentence)
            log.info("%s", sentence)

    def _launch(self, slot: Slot) -> None:
        slot.process = Process(slot.part, self._logs, self._environ, self._inherited)
        log.info("%s started, pid %d", slot.part.name, slot.process.pid)
        self._tell_watchman()

    def _tell_watchman(self) -> None:
        pids = self.pids()
        self._watchman.tell(pids.pop("redis", 0), list(pids.values()))


def _no_start(process: Process, what: str) -> str:
    said = process.last_words()
    return (
        f"{process.part.name} {what}"
        + (f": {said}" if said else "")
        + (f" (see {shown(str(process.log))})")
    )
