"""The watch: every 15 seconds it looks at the facts, moves alerts on, and tells people.

1. One web process of those that share a Redis does it: whoever has the turn.
2. A message that could not be sent is tried again, later and later; the page says so.
3. Nothing in here ends the page: whatever fails, the next look comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from redis.asyncio import Redis

from web.alerts import facts as reading
from web.alerts.board import Board, Boards
from web.alerts.engine import evaluate
from web.alerts.facts import Facts
from web.alerts.file import RuleFile
from web.alerts.notify import tell
from web.alerts.values import values
from web.alerts.words import Words
from web.connection import REDIS_ERRORS, cause
from web.hub import Hub
from web.metrics.measured import Depth
from web.metrics.monitor import Monitor
from wire.alerts import Alert, AlertState, Severity
from wire.keys import ALERTS_TURN_TTL, Keys

LOOK_SECONDS = 15.0
#: What changes slowly is read this seldom.
SLOW_SECONDS = 300.0
#: After a message that was not taken, seconds until the next try: the first, the longest.
RETRY_SECONDS = (60.0, 3600.0)

log = logging.getLogger(__name__)


class Watch:
    """Evaluates the rules of one file over one Redis."""

    def __init__(
        self,
        client: Redis,
        keys: Keys,
        hub: Hub,
        monitor: Monitor,
        file: RuleFile,
        words: Words,
    ) -> None:
        self._client, self._keys = client, keys
        self._hub, self._monitor = hub, monitor
        self._words = words
        self._name = f"{os.getpid()}-{time.time():.3f}"
        self._slow: tuple[float, Facts] | None = None
        self._failures, self._try_at = 0, 0.0
        self.file = file
        self.boards = Boards(client, keys)
        self.told_error = ""  #: why the last message was not taken, "" if it was

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look again and again while the block runs."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task], timeout=5)

    async def _run(self) -> None:
        while True:
            try:
                if await self._has_turn():
                    await self.look()
                else:
                    await self.board()
            except REDIS_ERRORS as error:
                log.debug("alerts were not looked at: %s", cause(error))
            except Exception:
                log.exception("alerts could not be looked at")
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look at everything once, and tell what is to be told.  Raises what redis-py raises."""
        settings = self.file.refresh()
        found = values(await self._facts())
        now = time.time()
        async with self.boards.changing() as (_, alerts):
            after = evaluate(alerts, settings.rules, found, now)
            alerts.clear()
            alerts.update(after)
        await self._tell(await self.board(), now)

    async def board(self) -> Board:
        """The board now, which the live page shows from then on.  Raises what redis-py raises."""
        board = await self.boards.read()
        self._hub.take_alerts(board.loud)
        return board

    async def test(self) -> str:
        """Send a test to everybody; why it failed, "" when it did not."""
        return await tell(self.file.refresh().notify, self._words.test())

    async def _facts(self) -> Facts:
        known, now = await self._monitor.read(Depth.QUEUES), time.time()
        *minutes, this_minute = await reading.read_minutes(self._client, self._keys, now)
        slow = await self._slow_facts(now)
        return replace(
            slow,
            at=now,
            state=known.state,
            minutes=tuple(minutes),
            this_minute=this_minute,
            measured=known.measured,
        )

    async def _slow_facts(self, now: float) -> Facts:
        if self._slow is None or now - self._slow[0] >= SLOW_SECONDS:
            today, before = await reading.read_days(self._client, self._keys, now)
            facts = Facts(now, self._hub.state(), today=today, before=before)
            self._slow = (now, facts)
        return self._slow[1]

    async def _has_turn(self) -> bool:
        """Whether this process evaluates, and no other."""
        key = self._keys.alerts_turn
        if await self._client.set(key, self._name, nx=True, ex=ALERTS_TURN_TTL):
            return True
        mine = await self._client.get(key) == self._name.encode()
        if mine:
            await self._client.expire(key, ALERTS_TURN_TTL)
        return mine

    async def _tell(self, board: Board, now: float) -> None:
        addresses = self.file.settings.notify
        news = news_of(board, now, self.file.settings.repeat_seconds)
        if not addresses or not news or now < self._try_at:
            return
        self.told_error = await tell(addresses, self._words.message(news))
        if self.told_error:
            log.warning("an alert was not told: %s", self.told_error)
            first, longest = RETRY_SECONDS
            self._try_at = now + min(first * 2**self._failures, longest)
            self._failures += 1
            return
        self._failures, self._try_at = 0, 0.0
        async with self.boards.changing() as (_, alerts):
            for alert in news:
                if alert.id in alerts:
                    alerts[alert.id] = replace(alerts[alert.id], told_at=now)


def news_of(board: Board, now: float, repeat_seconds: float) -> list[Alert]:
    """What is to be told: what began to fire, what goes on for long, and what is over.

    Notes are not: they are there for who looks.
    """
    is_news: dict[AlertState, Callable[[Alert], bool]] = {
        AlertState.PENDING: lambda _: False,
        AlertState.FIRING: lambda a: (
            a.acknowledged_at is None
            and (a.told_at is None or (bool(repeat_seconds) and now - a.told_at >= repeat_seconds))
        ),
        # Only who heard of it needs to hear that it is over.
        AlertState.RESOLVED: lambda a: a.told_at is not None and a.told_at < (a.resolved_at or 0.0),
    }
    return [
        alert
        for alert in board.alerts
        if alert.severity is not Severity.INFO
        and board.silence_of(alert) is None
        and is_news[alert.state](alert)
    ]
