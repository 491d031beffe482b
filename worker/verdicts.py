"""What a worker says of the messages it took, said again when Redis did not hear it.

kombu counts a message as held until Redis has heard that it is done, and takes no more of them
than the pool has processes; Celery logs that it was not heard, and goes on.  When Redis hangs and
comes back on the same connection, nothing else would free these places, and the worker would take
nothing any more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from kombu.transport.redis import QoS as RedisQoS
from redis.exceptions import RedisError


class RepeatingQoS(RedisQoS):
    """Keeps what Redis did not hear; a lost connection lets go of it with the messages."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unheard: deque[Callable[[], None]] = deque()

    def ack(self, delivery_tag: str) -> None:
        """Say that a message is done."""
        self._say(partial(super().ack, delivery_tag))

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Say that a message is not to be done, or by somebody else (`requeue`)."""
        self._say(partial(super().reject, delivery_tag, requeue=requeue))

    def _say(self, verdict: Callable[[], None]) -> None:
        try:
            verdict()
        except RedisError:
            self._unheard.append(verdict)
            raise

    def restore_visible(self, *args: Any, **kwargs: Any) -> None:
        """What kombu calls every 10 s, whether or not anything is to be restored."""
        while self._unheard:
            self._unheard[0]()
            self._unheard.popleft()
        super().restore_visible(*args, **kwargs)
