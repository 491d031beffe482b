"""The labels that tasks are counted under, bounded whatever an application sends."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from celery import Celery

from wire.fields import OTHER

#: How many of each are told apart by one process.
TASKS_MAX, QUEUES_MAX, EXCEPTIONS_MAX = 500, 200, 200
#: Pairs of a task and a queue that are known without a look at either.
BOTH_KEPT = 1_000


class Labels:
    """The first `limit` labels of a kind as they are; any further one is `other`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: set[str] = set()

    def __call__(self, label: str) -> str:
        """`label`, or `other`."""
        if label in self._known:
            return label
        if len(self._known) >= self._limit:
            return OTHER
        self._known.add(label)
        return label


class TaskLabels:
    """Names of tasks, queues and exceptions of one application."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self.task = Labels(TASKS_MAX)
        self.exception = Labels(EXCEPTIONS_MAX)
        self._queues = Labels(QUEUES_MAX)
        self._routed: dict[str, str] | None = None
        #: A task's name and a routing key -> what is counted of it under which task and queue.
        self.both = functools.lru_cache(BOTH_KEPT)(self._find_both)

    def queue(self, routing_key: str | None) -> str:
        """The queue that a message came through, "" when it came through none."""
        return self._queues(self.queue_of(routing_key)) if routing_key else ""

    def _find_both(self, name: str, routing_key: str) -> tuple[str, str]:
        return self.task(name), self.queue(routing_key)

    def queue_of(self, routing_key: str) -> str:
        """The queue that a routing key leads to; the key itself where no queue has it."""
        if self._routed is None:
            queues = self._app.amqp.queues
            self._routed = {queue.routing_key: name for name, queue in queues.items()}
        return self._routed.get(routing_key, routing_key)


def routing_key(delivery_info: Mapping[str, Any] | None) -> str:
    """Of a message: what `TaskLabels` knows its queue by; "" when it came through none."""
    return str(delivery_info.get("routing_key") or "") if delivery_info else ""
