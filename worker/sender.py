"""Sending tasks from a worker, over a connection of its own.

Celery's pooled producers do not survive every loss of Redis: one may be left with a channel
that has no connection, and fails for as long as its process lives.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from celery import Celery

log = logging.getLogger(__name__)


class Sender:
    """The producer of one process; it connects when needed, anew after a fork or a failure."""

    def __init__(self) -> None:
        self._owned: tuple[int, Any] | None = None

    def send(self, app: Celery, name: str, *, expires: float | None = None, **kwargs: Any) -> bool:
        """Send a task, with one more try on a new connection; False when Redis did not take it.

        Whoever sends must be able to live with False: the reconciler sends again what matters.
        """
        for _ in range(2):
            try:
                producer = self._producer(app)
                app.send_task(name, kwargs=kwargs, expires=expires, producer=producer, retry=False)
            except Exception as error:  # kombu lets an AttributeError through, for one
                failure = error
                self._drop()
            else:
                return True
        log.warning("%s was not sent, it will be tried again: %s", name, failure)
        return False

    def _producer(self, app: Celery) -> Any:
        pid = os.getpid()
        if self._owned is None or self._owned[0] != pid:
            connection = app.connection_for_write()
            self._owned = (pid, app.amqp.Producer(connection, auto_declare=False))
        return self._owned[1]

    def _drop(self) -> None:
        """Forget the connection; closing it may fail for the reason that sending failed."""
        owned, self._owned = self._owned, None
        if owned is not None and owned[0] == os.getpid():
            try:
                owned[1].connection.release()
            except Exception as error:
                log.debug("closing a broken connection: %s", error)
