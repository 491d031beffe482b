"""`needle purge-queue`: throw away what waits in a queue."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
import redis

from cli.brokers import Broker
from cli.remote import Remote, separator_of
from cli.terminal import Failure, say
from wire.names import QUEUE_NAMES

#: A priority is one digit in Celery.
PRIORITIES = range(10)


def purge_queue(broker: Broker, queue: str, *, yes: bool, timeout: float, as_json: bool) -> None:
    """Delete the messages that wait in `queue`; those that workers have are left alone.

    Raises Failure when nobody can be asked, or another name is typed.
    """
    if not queue or not queue.isprintable():
        raise Failure(f"{queue!r} is no name of a queue")
    remote = Remote(broker, timeout)
    lists = remote.run(lambda client: _lists(client, broker, queue))
    waiting = remote.run(lambda client: sum(_lengths(client, lists)))
    if waiting and not yes:
        _ask(broker, queue, waiting)
    purged = remote.run(lambda client: _delete(client, lists)) if waiting else 0
    if purged:
        remote.run(lambda client: broker.note(client, "queue.purged", [queue], str(purged)))
    if as_json:
        sys.stdout.write(json.dumps({"queue": queue, "purged": purged}) + "\n")
        return
    say(
        f"{_messages(purged)} of the queue {queue} deleted"
        if purged
        else f"Nothing waits in {queue}"
    )
    if purged and queue in QUEUE_NAMES:
        say("Of a scan of Needle nothing is lost: its journal sends its batches again")


def _lists(client: redis.Redis, broker: Broker, queue: str) -> list[str]:
    separator = separator_of(client, broker)
    return [queue, *(f"{queue}{separator}{priority}" for priority in PRIORITIES)]


def _lengths(client: redis.Redis, lists: list[str]) -> list[int]:
    pipe: Any = client.pipeline(transaction=False)
    for name in lists:
        pipe.llen(name)
    answers = pipe.execute(raise_on_error=False)
    if isinstance(answers[0], redis.exceptions.NoPermissionError):
        raise answers[0]
    if not isinstance(answers[0], int):
        raise Failure(f"{lists[0]} is a key of another kind, no queue")
    return [answer if isinstance(answer, int) else 0 for answer in answers]


def _delete(client: redis.Redis, lists: list[str]) -> int:
    """Delete the lists at once; how many messages were in them."""
    held = [name for name, length in zip(lists, _lengths(client, lists), strict=True) if length]
    pipe: Any = client.pipeline(transaction=True)
    for name in held:
        pipe.llen(name)
    for name in held:
        pipe.delete(name)
    return sum(pipe.execute()[: len(held)])


def _ask(broker: Broker, queue: str, waiting: int) -> None:
    say(f"{_messages(waiting)} of the queue {queue} at {broker.shown} would be lost")
    try:
        typed = click.prompt(
            "Type the name of the queue to delete them", default="", show_default=False
        )
    except click.Abort:
        typed = ""
    if typed.strip() != queue:
        raise Failure("nothing was deleted: that is not the name of the queue (--yes does not ask)")


def _messages(count: int) -> str:
    return f"{count:,} waiting {'message' if count == 1 else 'messages'}"
