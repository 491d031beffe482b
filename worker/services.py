"""What every task needs: settings, the catalog, Redis, progress.  One per application."""

from __future__ import annotations

import secrets
from functools import cached_property
from typing import cast

import redis
from celery import Celery, current_app
from redis.backoff import NoBackoff
from redis.retry import Retry

from wire.keys import Keys
from wire.roots import Root
from wire.transport import client_url
from worker.catalog.store import Catalog
from worker.debts import Debts
from worker.metrics.installing import Metrics
from worker.progress import Progress
from worker.sender import Sender
from worker.settings import WorkerSettings


class Services:
    """Built once per process tree.  Catalog and Redis connect lazily, anew after a fork."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self.keys = Keys(settings.shared.key_prefix)
        self.debts = Debts()

    @cached_property
    def sender(self) -> Sender:
        return Sender()

    @cached_property
    def catalog(self) -> Catalog:
        return Catalog(self.settings.database_url)

    @cached_property
    def redis(self) -> redis.Redis:
        """A client that neither waits long nor repeats a command: callers know what to repeat."""
        return redis.Redis.from_url(
            client_url(self.settings.shared.redis_url),
            socket_timeout=5,
            socket_connect_timeout=3,
            retry=Retry(NoBackoff(), 0),
        )

    @cached_property
    def progress(self) -> Progress:
        return Progress(self.redis, self.keys)

    def root(self, root_id: str) -> Root | None:
        """The configured root of that id: a message can name no other folder."""
        return next((r for r in self.settings.shared.roots if r.id == root_id), None)

    def epoch(self) -> str:
        """The id of Redis's contents; made when there is none, so it changes when they are lost."""
        key, fresh = self.keys.epoch, secrets.token_hex(8)
        known = self.redis.set(key, fresh, nx=True, get=True)
        return cast(bytes, known).decode() if known is not None else fresh

    def processes(self) -> int:
        """Pool processes of all live workers together, as far as is known: at least our own."""
        return self.settings.processes * max(1, self.redis.zcard(self.keys.workers))


class NeedleApp(Celery):
    """The Celery application, with the services its tasks use."""

    services: Services
    needle_metrics: Metrics


def services() -> Services:
    """The services of the current application."""
    return cast(NeedleApp, current_app).services
