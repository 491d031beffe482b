"""Celery's remote control over Redis, with a deadline: nothing here waits for ever.

1. A worker that does not answer is unknown, not down: it may be frozen, starting or cut off.
2. Who listens is read from Redis, so nobody waits once all have answered.
3. This client takes no task messages, and its visibility timeout is endless: kombu must not think
   here that a running task was lost, and hand it out again.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import redis
from celery import Celery

from cli.brokers import Broker
from cli.terminal import Failure
from wire.names import PRIORITY_SEPARATOR
from wire.redaction import redacted_text
from wire.transport import broker_url

T = TypeVar("T")
#: Seconds beyond the time for answers that Redis may take.
REDIS_SECONDS = 3.0
#: Seconds, ten years.
ENDLESS = 315_360_000
#: What kombu puts between the parts of a name, unless an application says otherwise.
KOMBU_SEPARATOR = "\x06\x16"
_BINDINGS, _MAILBOX = "_kombu.binding.celery.pidbox", ".celery.pidbox"


@dataclass(frozen=True, slots=True)
class Answers:
    """What workers answered, and who of those that were asked did not."""

    replies: Mapping[str, Any]
    silent: tuple[str, ...]
    timeout_seconds: float


class Remote:
    """The workers of one broker."""

    def __init__(self, broker: Broker, timeout_seconds: float) -> None:
        self.broker, self.timeout_seconds = broker, timeout_seconds

    def run(self, use: Callable[[redis.Redis], T]) -> T:
        """What `use` makes of a client.  Raises Failure."""

        def with_client() -> T:
            with self.broker.client(REDIS_SECONDS) as client:
                return use(client)

        return self._within(with_client)

    def listening(self) -> tuple[str, ...]:
        """Names of the workers that listen, or did when they were killed.  Raises Failure."""
        return self.run(lambda client: tuple(sorted(_bindings(client)[1])))

    def ask(
        self,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        workers: Sequence[str] = (),
    ) -> Answers:
        """The answers of `workers`, none named: of all.  Raises Failure."""

        def asking(client: redis.Redis) -> Answers:
            separator, known = _bindings(client)
            asked = tuple(workers) or tuple(sorted(known))
            replies = self._broadcast(separator, command, arguments, workers, len(asked) or None)
            silent = tuple(name for name in asked if name not in replies)
            return Answers(replies, silent, self.timeout_seconds)

        return self.run(asking)

    def tell(self, command: str, workers: Sequence[str]) -> None:
        """Send a command that nobody answers.  Raises Failure."""
        self.run(lambda client: self._broadcast(_bindings(client)[0], command, None, workers, 0))

    def _broadcast(
        self,
        separator: str,
        command: str,
        arguments: Mapping[str, Any] | None,
        workers: Sequence[str],
        limit: int | None,
    ) -> dict[str, Any]:
        """Send a command; the replies by worker.  `limit` 0: nobody is waited for."""
        with Celery("needle-terminal", set_as_current=False, fixups=[]) as app:
            app.conf.update(
                broker_url=broker_url(self.broker.url),
                broker_transport_options={
                    "visibility_timeout": ENDLESS,
                    "sep": separator,
                    "socket_timeout": REDIS_SECONDS + self.timeout_seconds,
                    "socket_connect_timeout": REDIS_SECONDS,
                    "max_retries": 0,
                },
            )
            with app.connection_for_write() as connection:
                replies = app.control.broadcast(
                    command,
                    arguments=dict(arguments or {}),
                    destination=list(workers) or None,
                    connection=connection,
                    reply=limit != 0,
                    timeout=self.timeout_seconds,
                    limit=limit or None,
                )
        return {name: reply for answer in replies or () for name, reply in answer.items()}

    def _within(self, work: Callable[[], T]) -> T:
        """The result of `work`, which is left alone when it takes too long.  Raises Failure."""
        box: queue.SimpleQueue[tuple[Any, Exception | None]] = queue.SimpleQueue()

        def run() -> None:
            try:
                box.put((work(), None))
            except Exception as error:  # of kombu, redis-py, sockets
                box.put((None, error))

        threading.Thread(target=run, daemon=True).start()
        seconds = 2 * REDIS_SECONDS + 2 * self.timeout_seconds
        where = f"Redis at {self.broker.shown}"
        try:
            result, error = box.get(timeout=seconds)
        except queue.Empty:
            raise Failure(f"{where} gave no answer within {seconds:g} s") from None
        if error is not None:
            raise Failure(f"{where} cannot be used: {redacted_text(str(error))}") from None
        return cast(T, result)


def separator_of(client: redis.Redis, broker: Broker) -> str:
    """What stands between a queue's name and a priority in the names of its lists."""
    separator, known = _bindings(client)
    if known:
        return separator
    return PRIORITY_SEPARATOR if client.exists(broker.keys.epoch) else KOMBU_SEPARATOR


def _bindings(client: redis.Redis) -> tuple[str, frozenset[str]]:
    """The separator that the workers use, and their names."""
    members = [m.decode("utf-8", "replace") for m in cast(set[bytes], client.smembers(_BINDINGS))]
    separator = KOMBU_SEPARATOR
    for candidate in (KOMBU_SEPARATOR, PRIORITY_SEPARATOR):
        if any(member.startswith(candidate * 2) for member in members):
            separator = candidate
    names = (member.removeprefix(separator * 2).removesuffix(_MAILBOX) for member in members)
    return separator, frozenset(names)
