"""Celery's consumer, which outlives every loss of its connection.

Closing a connection that broke may itself fail: kombu then puts unacknowledged messages back,
over a channel that has no connection any more.  Celery takes only some of these errors for a
loss of connection; the others would end the worker.
"""

from __future__ import annotations

import logging
from typing import Any

from celery.worker.consumer import Consumer as CeleryConsumer

log = logging.getLogger(__name__)


class Consumer(CeleryConsumer):
    """Connects again after any failure to let go of the last connection."""

    connection: Any

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Let go of the connection that failed with `exc`."""
        try:
            super().on_connection_error_after_connected(exc)
        except Exception as error:
            log.warning("the broken connection did not close: %r", error)
            self.connection = None
