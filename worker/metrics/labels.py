"""The labels that tasks are counted under, bounded whatever an application sends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from celery import Celery

from wire.fields import OTHER

#: How many of each are told apart by one process.
TASKS_MAX, QUEUES_MAX, EXCEPTIONS_MAX = 500, 200, 200


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

    def queue(self, delivery_info: Mapping[str, Any] | None) -> str:
        """The queue that a message came through, "" when it came through none."""
        key = (delivery_info or {}).get("routing_key") or ""
        return self._queues(self.queue_of(str(key))) if key else ""

    def queue_of(self, routing_key: str) -> str:
        """The queue that a routing key leads to; the key itself where no queue has it."""
        if self._routed is None:
            queues = self._app.amqp.queues
            self._routed = {queue.routing_key: name for name, queue in queues.items()}
        return self._routed.get(routing_key, routing_key)
