"""How often somebody may try to sign in."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable

A_MINUTE_AN_ADDRESS = 5
A_MINUTE = 30
WINDOW_SECONDS = 60.0


class Attempts:
    """Attempts of the last minute, by address and altogether; right ones are taken back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all: deque[tuple[float, str]] = deque()
        self._count: Counter[str] = Counter()

    def wait_seconds(self, address: str) -> float:
        """Note an attempt and give 0.0, or say after how long one would be accepted."""
        now = self._clock()
        while self._all and self._all[0][0] <= now - WINDOW_SECONDS:
            self._forget_oldest()
        if self._count[address] >= A_MINUTE_AN_ADDRESS:
            oldest = next(at for at, who in self._all if who == address)
        elif len(self._all) >= A_MINUTE:
            oldest = self._all[0][0]
        else:
            self._all.append((now, address))
            self._count[address] += 1
            return 0.0
        return oldest + WINDOW_SECONDS - now

    def forgive(self, address: str) -> None:
        """Take the last attempt of an address back: it was a right one."""
        newest = max((entry for entry in self._all if entry[1] == address), default=None)
        if newest:
            self._all.remove(newest)
            self._take_off(address)

    def _forget_oldest(self) -> None:
        self._take_off(self._all.popleft()[1])

    def _take_off(self, address: str) -> None:
        self._count[address] -= 1
        if not self._count[address]:
            del self._count[address]
