"""The answer of the sizes on the live page: read now and then, while somebody looks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator

from web.connection import REDIS_ERRORS
from web.hub import Hub
from web.sizes import Sizes

log = logging.getLogger(__name__)

#: Seconds for which an answer is good enough: reading the sizes is no small thing for a Pi.
ANSWER_SECONDS = 30.0
#: The page does not wait longer for it.
DEADLINE_SECONDS = 1.0


class SizeCard:
    """Has the live page say what is to be done about sizes."""

    def __init__(self, sizes: Sizes, hub: Hub) -> None:
        self._sizes, self._hub = sizes, hub
        self._read_at, self._changes = float("-inf"), 0

    async def refresh(self) -> None:
        """Read the answer if it is old; Redis being away is told elsewhere."""
        now, changes = time.monotonic(), self._sizes.changes
        if now - self._read_at < ANSWER_SECONDS and changes == self._changes:
            return
        self._read_at, self._changes = now, changes
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                self._hub.take_sizes(await self._sizes.advice())
        except REDIS_ERRORS as error:
            log.info("sizes could not be read: %s", error)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the answer fresh while the block runs and somebody looks."""
        task = asyncio.create_task(self._keep_fresh())
        try:
            yield
        finally:
            while not task.done():  # once is not enough: redis-py may swallow a cancellation
                task.cancel()
                await asyncio.wait([task], timeout=0.2)

    async def _keep_fresh(self) -> None:
        while True:
            await self._hub.watched()
            await self.refresh()
            await asyncio.sleep(ANSWER_SECONDS / 6)
