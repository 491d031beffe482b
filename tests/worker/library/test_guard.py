"""Limits on time and memory that hold, and that leave nothing behind."""

from __future__ import annotations

import contextlib
import resource
import signal
import threading
import time

import pytest

from worker.library.errors import FileTimeout
from worker.library.guard import Guard

MEMORY = 400 << 20


def loop_for_ever() -> None:
    while True:
        pass


def swallow_everything_and_loop() -> None:
    while True:
        with contextlib.suppress(Exception):  # as parsers do
            loop_for_ever()


class LoopsWhenDeleted:
    def __del__(self) -> None:
        loop_for_ever()


def test_a_loop_is_ended_in_time() -> None:
    began = time.monotonic()
    with Guard(0.2, MEMORY) as guard, pytest.raises(FileTimeout):
        guard.call(loop_for_ever)
    assert time.monotonic() - began < 30


def test_a_loop_that_catches_exceptions_is_ended() -> None:
    with Guard(0.1, MEMORY) as guard, pytest.raises(FileTimeout):
        guard.call(swallow_everything_and_loop)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_limit_lost_in_a_destructor_comes_again() -> None:
    def delete_then_loop() -> None:
        LoopsWhenDeleted()
        loop_for_ever()

    with Guard(0.1, MEMORY) as guard, pytest.raises(FileTimeout):
        guard.call(delete_then_loop)


def test_results_and_errors_pass_through() -> None:
    with Guard(1, MEMORY) as guard:
        assert guard.call(divmod, 7, 2) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            guard.call(divmod, 7, 0)


def test_every_call_has_the_whole_time() -> None:
    def work() -> None:
        end = time.monotonic() + 0.15
        while time.monotonic() < end:
            pass

    with Guard(0.4, MEMORY) as guard:
        for _ in range(5):
            guard.call(work)


def test_memory_beyond_the_limit_is_refused_and_given_back_after() -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with Guard(10, 64 << 20) as guard:
        assert resource.getrlimit(resource.RLIMIT_DATA) != before
        with pytest.raises(MemoryError):
            guard.call(bytearray, 256 << 20)
        assert len(guard.call(bytearray, 16 << 20)) == 16 << 20
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    assert len(bytearray(256 << 20)) == 256 << 20


def test_handler_and_timer_of_others_are_put_back() -> None:
    rang: list[int] = []

    def note(number: int, _frame: object) -> None:
        rang.append(number)

    former = signal.signal(signal.SIGALRM, note)
    former_timer = signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with Guard(5, MEMORY) as guard:
            guard.call(sum, [1])
        assert signal.getsignal(signal.SIGALRM) is note
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 0.2
        signal.pause()
        assert rang == [signal.SIGALRM]
    finally:
        signal.signal(signal.SIGALRM, former)
        signal.setitimer(signal.ITIMER_REAL, *former_timer)


def test_a_guard_inside_a_guard_leaves_the_outer_one_working() -> None:
    with Guard(0.3, MEMORY) as outer:
        outer_limit = resource.getrlimit(resource.RLIMIT_DATA)
        with Guard(0.1, 32 << 20) as inner, pytest.raises(FileTimeout):
            inner.call(loop_for_ever)
        assert resource.getrlimit(resource.RLIMIT_DATA) == outer_limit
        with pytest.raises(FileTimeout):
            outer.call(loop_for_ever)


def test_a_guard_may_be_used_again() -> None:
    guard = Guard(0.1, MEMORY)
    for _ in range(2):
        with guard, pytest.raises(FileTimeout):
            guard.call(loop_for_ever)


def test_in_other_threads_there_is_no_time_limit_and_no_error() -> None:
    results: list[int] = []

    def in_thread() -> None:
        with Guard(0.001, MEMORY) as guard:
            results.append(guard.call(sum, range(1_000_000)))

    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
    assert results == [sum(range(1_000_000))]
