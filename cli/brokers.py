"""Whose workers are meant: the Redis of a Needle, or of any Celery application."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from cli import instance
from cli.terminal import Failure, shown
from wire.events import Activity, encode
from wire.keys import ACTIVITY_LENGTH, Keys
from wire.settings import SHARED, SettingsError, data_folder, read_shared
from wire.transport import client_url, shown_url

ACTOR = "terminal"
_REDIS_URL = SHARED[0].name


@dataclass(frozen=True, slots=True)
class Broker:
    """A Redis that workers take their tasks from."""

    url: str
    keys: Keys
    supervised: bool = False  #: a `needle up` on this machine starts its worker again

    @property
    def shown(self) -> str:
        """Its address without a password."""
        return shown_url(self.url)

    def client(self, timeout_seconds: float) -> redis.Redis:
        """A client that neither waits long nor repeats a command."""
        return redis.Redis.from_url(
            client_url(self.url),
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            retry=Retry(NoBackoff(), 0),
        )

    def note(
        self, client: redis.Redis, action: str, targets: Iterable[str], detail: str = ""
    ) -> None:
        """Write down in the list of activity what was done here.  Raises redis.RedisError."""
        for target in targets:
            event = Activity(time.time(), ACTOR, action, target=target, detail=detail)
            client.xadd(self.keys.activity, cast(Any, encode(event)), maxlen=ACTIVITY_LENGTH)


def broker(data: str | None) -> Broker:
    """The Redis of the Needle on `data`, else the named one, else that of the Needle that runs.

    Raises:
        Failure: none is named and none runs.
    """
    try:
        shared = read_shared()
        folder = Path(data).expanduser().absolute() if data else data_folder()
    except SettingsError as error:
        raise Failure(str(error)) from None
    keys = Keys(shared.key_prefix)
    is_named = bool({_REDIS_URL, _REDIS_URL + "_FILE"} & os.environ.keys())
    if is_named and data is None:
        return Broker(shared.redis_url, keys)
    running = instance.running(folder)
    if running is None:
        raise Failure(
            f"no Needle runs on {shown(str(folder))}: start it with `needle up`, name one with "
            "--data, or a Redis with NEEDLE_REDIS_URL"
        )
    if not running.redis and not is_named:
        raise Failure(
            f"the Needle on {shown(str(folder))} uses the Redis of its NEEDLE_REDIS_URL: "
            "set it here as well"
        )
    return Broker(running.redis or shared.redis_url, keys, supervised=True)
