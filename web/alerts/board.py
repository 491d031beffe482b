"""Alerts and silences in Redis, and what people do with them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from redis.asyncio import Redis

from web import activity
from web.refusal import RefusedError
from web.snapshot import load_or_none
from wire.alerts import Alert, AlertState, Severity, Silence
from wire.events import dump
from wire.keys import Keys

#: Alerts that are kept; there are about thirty rules, and fifty subjects of each at most.
ALERTS_MAX = 2_000
#: How long somebody may silence an alert.
SILENCES_SECONDS = (3600, 8 * 3600, 24 * 3600, 7 * 24 * 3600)

T = TypeVar("T", Alert, Silence)

_SEVERITIES = tuple(Severity)


@dataclass(frozen=True, slots=True)
class Board:
    """All alerts, worst first, and what is silenced now, by id."""

    alerts: tuple[Alert, ...] = ()
    silences: Mapping[str, Silence] = field(default_factory=dict)

    def of(self, state: AlertState) -> tuple[Alert, ...]:
        """The alerts in `state`, worst first."""
        return tuple(alert for alert in self.alerts if alert.state is state)

    def silence_of(self, alert: Alert) -> Silence | None:
        """What keeps `alert` silent: it was asked for, or its whole rule was."""
        return self.silences.get(alert.id) or self.silences.get(alert.rule)

    @property
    def loud(self) -> tuple[Alert, ...]:
        """What fires, is more than a note, and was neither acknowledged nor silenced."""
        return tuple(
            alert
            for alert in self.of(AlertState.FIRING)
            if alert.severity is not Severity.INFO
            and alert.acknowledged_at is None
            and self.silence_of(alert) is None
        )


class Boards:
    """The board of one Redis.  One writer at a time: what people do is not lost to a look."""

    def __init__(self, client: Redis, keys: Keys) -> None:
        self._client, self._keys = client, keys
        self._lock = asyncio.Lock()

    async def read(self) -> Board:
        """The board now.  Raises what redis-py raises."""
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.hgetall(self._keys.alerts)
            pipe.hgetall(self._keys.silences)
            alerts, silences = await pipe.execute()
        now = time.time()
        active = (s for s in _records(Silence, silences) if s.until > now)
        return Board(_sorted(_records(Alert, alerts)), {s.id: s for s in active})

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[tuple[Board, dict[str, Alert]]]:
        """The board, and its alerts by id: what they are after the block is written."""
        async with self._lock:
            board = await self.read()
            alerts = {alert.id: alert for alert in board.alerts}
            before = dict(alerts)
            yield board, alerts
            await self._write(before, alerts)

    async def acknowledge(self, alert_id: str, by: str) -> Alert:
        """Note that somebody has seen an alert.  Raises RefusedError (404, 409)."""
        async with self.changing() as (_, alerts):
            alert = alerts.get(alert_id)
            if alert is None:
                raise RefusedError(404, "unknown_alert", "There is no alert with this id.")
            if alert.state is not AlertState.FIRING:
                raise RefusedError(409, "not_firing", "This alert does not fire.")
            if alert.acknowledged_at is None:
                alert = replace(alert, acknowledged_at=time.time(), acknowledged_by=by)
                alerts[alert_id] = alert
            return alert

    async def silence(self, key: str, seconds: int, by: str, rules: Iterable[str]) -> Silence:
        """Tell nobody of an alert, or of a whole rule of `rules`, for some time.

        Raises RefusedError (404, 422).
        """
        if not 60 <= seconds <= SILENCES_SECONDS[-1]:
            raise RefusedError(422, "invalid_seconds", "seconds: 60 to 604800 are needed.")
        async with self._lock:
            board = await self.read()
            if key not in (*rules, *(alert.id for alert in board.alerts)):
                raise RefusedError(404, "unknown_alert", "There is no alert with this id.")
            now = time.time()
            silence = Silence(key, until=now + seconds, by=by, at=now)
            async with self._client.pipeline(transaction=True) as pipe:
                self._forget_old_silences(pipe, board)
                pipe.hset(self._keys.silences, key, dump(silence))
                pipe.expire(self._keys.silences, SILENCES_SECONDS[-1])
                await pipe.execute()
        return silence

    async def unsilence(self, key: str) -> None:
        """End a silence.  Raises RefusedError (404)."""
        removed: Any = await self._client.hdel(self._keys.silences, key)
        if not removed:
            raise RefusedError(404, "unknown_silence", "Nothing of this id is silenced.")

    async def record(self, action: str, target: str) -> None:
        """Write to the list of activity what somebody did."""
        await activity.add(self._client, self._keys, action, target=target)

    def _forget_old_silences(self, pipe: Any, board: Board) -> None:
        pipe.delete(self._keys.silences)
        for key, silence in board.silences.items():
            pipe.hset(self._keys.silences, key, dump(silence))

    async def _write(self, before: Mapping[str, Alert], after: Mapping[str, Alert]) -> None:
        kept = {alert.id: alert for alert in _sorted(after.values())[:ALERTS_MAX]}
        gone = [key for key in before if key not in kept]
        changed: dict[Any, Any] = {key: dump(a) for key, a in kept.items() if before.get(key) != a}
        if not (gone or changed):
            return
        async with self._client.pipeline(transaction=True) as pipe:
            if gone:
                pipe.hdel(self._keys.alerts, *gone)
            if changed:
                pipe.hset(self._keys.alerts, mapping=changed)
            await pipe.execute()


def _records(cls: type[T], raw: Mapping[bytes, bytes]) -> list[T]:
    """The records of a hash that are ours and lie under their own id."""
    found = ((key, load_or_none(cls, text)) for key, text in raw.items())
    return [r for key, r in found if r is not None and r.id.encode("utf-8", "replace") == key]


def _sorted(alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    """Firing first, then by severity, then the latest."""

    def rank(alert: Alert) -> tuple[int, int, float]:
        order = (AlertState.FIRING, AlertState.PENDING, AlertState.RESOLVED)
        at = alert.resolved_at or alert.fired_at or alert.pending_at
        return order.index(alert.state), _SEVERITIES.index(alert.severity), -at

    return tuple(sorted(alerts, key=rank))
