"""Limits around a parser that may loop for ever or eat all memory.

1. The time limit is a signal whose exception is no `Exception`: parsers swallow those.  It
   works in the main thread only; elsewhere there is none.  C code is not interrupted: the
   exception comes when it returns.
2. The signal comes at every tick while the guard is entered, and raises once the time of a call
   is over, until it has got through: an exception raised inside a destructor is lost.
3. The memory limit is on the process, above what it uses when the guard is entered, and soft:
   leaving the guard puts the former one back, so an inner guard ends with the outer's limits.
"""

from __future__ import annotations

import contextlib
import math
import resource
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, ParamSpec, TypeVar

from worker.library.errors import FileTimeout

_P = ParamSpec("_P")
_R = TypeVar("_R")

#: Seconds between two looks at the clock, and so the most by which a call may be late.
TICK_SECONDS = 0.25


class Guard:
    """Limits for the calls made with `call` inside of the `with` statement.

    `file_timeout_seconds` is for one call, `memory_bytes` what the process may grow by.
    """

    def __init__(self, file_timeout_seconds: float, memory_bytes: int) -> None:
        self._seconds = file_timeout_seconds
        self._memory_bytes = memory_bytes
        self._deadline = math.inf
        self._timed = False
        self._leave = contextlib.ExitStack()

    def __enter__(self) -> Guard:
        self._leave = contextlib.ExitStack()
        self._limit_memory()
        self._timed = threading.current_thread() is threading.main_thread()
        if self._timed:
            self._take_timer()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._deadline = math.inf
        self._leave.close()

    def call(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """`function(*args, **kwargs)`.  Raises FileTimeout, and MemoryError at the limit."""
        if not self._timed:
            return function(*args, **kwargs)
        try:
            try:
                self._deadline = time.monotonic() + self._seconds
                return function(*args, **kwargs)
            finally:
                self._deadline = math.inf
        finally:  # twice, for the signal may come between a `finally` and its first line
            self._deadline = math.inf

    def _limit_memory(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = _data_bytes() + self._memory_bytes
        limits = [limit for limit in (wanted, soft, hard) if limit != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_DATA, (min(limits), hard))
        self._leave.callback(resource.setrlimit, resource.RLIMIT_DATA, (soft, hard))

    def _take_timer(self) -> None:
        began = time.monotonic()
        left, interval = signal.setitimer(signal.ITIMER_REAL, 0)
        former = signal.signal(signal.SIGALRM, self._on_tick)
        tick_seconds = min(TICK_SECONDS, self._seconds / 4)
        signal.setitimer(signal.ITIMER_REAL, tick_seconds, tick_seconds)

        def give_back() -> None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, former or signal.SIG_DFL)
            if left:
                due = max(left - (time.monotonic() - began), 0.001)
                signal.setitimer(signal.ITIMER_REAL, due, interval)

        self._leave.callback(give_back)

    def _on_tick(self, _signal: int, _frame: FrameType | None) -> Any:
        if time.monotonic() >= self._deadline:
            raise FileTimeout


def _data_bytes() -> int:
    """What counts towards RLIMIT_DATA now, where the system tells; else 0."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[5]) * resource.getpagesize()
    except (OSError, IndexError, ValueError):
        return 0
