"""Message sizes: reading the report, and changing limits and measurements in Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from redis.asyncio import Redis

from web import activity
from web.refusal import RefusedError
from web.visitor import current
from wire import limits as changes
from wire.keys import Keys
from wire.limits import Change, LimitError
from wire.payloads import SizeLimits, read_limits, read_sizes
from wire.scripts import CHANGE_LIMITS
from wire.sentences import Sentence
from wire.size_reading import Reading, ask_limits
from wire.size_report import SizeReport, Verdict, make_report

#: What becomes of the limits that are known now; None: nothing.
Rule = Callable[[SizeLimits | None], Change | None]


class Sizes:
    """The measured sizes and the limits of one Redis."""

    def __init__(self, client: Redis, keys: Keys) -> None:
        self._client, self._keys = client, keys
        self._change_limits = client.register_script(CHANGE_LIMITS)
        #: How often this process has changed something.
        self.changes = 0

    async def report(self) -> SizeReport:
        """Everything that is known now.  Raises what redis-py raises."""
        async with self._client.pipeline(transaction=False) as pipe:
            ask_limits(pipe, self._keys)
            reading = Reading(self._keys, await pipe.execute(), time.time())
        async with self._client.pipeline(transaction=False) as pipe:
            reading.ask(pipe)
            # In a thread: on a Pi, thousands of figures would hold up every page.
            return await asyncio.to_thread(reading.report, await pipe.execute())

    async def advice(self) -> Sentence | None:
        """What to set, in a sentence; None when nothing is to be set.  Reads no history."""
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.get(self._keys.size_limits)
            pipe.hgetall(self._keys.sizes)
            limits, sizes = await pipe.execute()
        return await asyncio.to_thread(_advice, sizes, read_limits(limits))

    async def limits(self) -> SizeLimits | None:
        """The limits that somebody set, None: the applications' own are in force."""
        return read_limits(await self._raw_limits())

    async def set_limits(self, args: int, kwargs: int, actor: str) -> SizeLimits | None:
        """Set both limits, in characters; gives those in force then.  Raises RefusedError."""
        who = current.get().named(actor)
        return await self._change(
            lambda known: changes.by_hand(known, args, kwargs, actor=who, at=time.time())
        )

    async def undo(self, actor: str) -> SizeLimits | None:
        """Bring back the limits before the last change.  Raises RefusedError (409: none)."""
        who = current.get().named(actor)
        return await self._change(lambda known: changes.undone(known, actor=who, at=time.time()))

    async def set_automatic(self, on: bool, ceiling: int, actor: str) -> SizeLimits | None:
        """Switch automatic mode, which goes no higher than `ceiling`.  Raises RefusedError."""
        return await self._change(
            lambda known: changes.automatic(
                known, on=on, ceiling=ceiling, actor=actor, at=time.time()
            )
        )

    async def reset(self, actor: str) -> None:
        """Measure anew; what was measured by day is kept."""
        entry = activity.signed(changes.reset_activity(actor, time.time()))
        async with self._client.pipeline(transaction=True) as pipe:
            changes.ask_reset(pipe, self._keys, entry)
            await pipe.execute()
        self.changes += 1

    async def _change(self, rule: Rule) -> SizeLimits | None:
        for _ in range(changes.TRIES):
            raw = await self._raw_limits()
            known = read_limits(raw)
            try:
                change = rule(known)
            except LimitError as error:
                raise RefusedError(409, "nothing_to_undo", str(error)) from None
            if change is None:
                activity.nothing()
                return known
            change = replace(change, activity=activity.signed(change.activity))
            keys, arguments = changes.arguments(self._keys, raw, change)
            if await self._change_limits(keys=keys, args=arguments):
                self.changes += 1
                return change.limits
        raise RefusedError(409, "changed_meanwhile", "Somebody else is changing the limits.")

    async def _raw_limits(self) -> bytes | None:
        raw: Any = await self._client.get(self._keys.size_limits)
        return cast("bytes | None", raw)


def _advice(sizes: Mapping[bytes, bytes], limits: SizeLimits | None) -> Sentence | None:
    report = make_report(read_sizes(sizes), limits, at=time.time())
    return report.answer() if report.verdict is Verdict.SET else None


def limit_of(name: str, value: object) -> int:
    """A limit as a request gives it.  Raises RefusedError (422)."""
    try:
        return changes.checked(name, value)
    except LimitError as error:
        raise RefusedError(422, f"invalid_{name}", str(error)) from None
