"""Celery's consumer, which outlives bad messages and every loss of its connection.

Closing a connection that broke may itself fail: kombu then puts unacknowledged messages back,
over a channel that has no connection any more.  Celery takes only some of these errors for a
loss of connection; the others would end the worker.
"""

from __future__ import annotations

import logging
from typing import Any

from celery.worker.consumer import Consumer as CeleryConsumer
from redis.exceptions import NoPermissionError

from worker.gate import Gate, guarded_transport, signatures
from worker.services import NeedleApp
from worker.shapes import remove_misshapen

log = logging.getLogger(__name__)


class Consumer(CeleryConsumer):
    """Takes only good messages; connects again after any failure to let go of a connection."""

    app: NeedleApp
    connection: Any

    def connection_for_read(self, heartbeat: Any = None) -> Any:
        """A new connection, whose messages are checked before Celery has them."""
        connection: Any = self.app.connection_for_read(heartbeat=heartbeat)
        transport = guarded_transport(Gate(self.app.services, signatures(self.app)))
        connection.get_transport_cls = lambda: transport  # its name in the log stays that of kombu
        connected = self.ensure_connected(connection)
        remove_misshapen(self.app.services.redis)
        return connected

    def start(self) -> None:
        """Work until asked to end, or until Redis refuses a command: then one line says so."""
        try:
            super().start()
        except NoPermissionError as error:
            log.critical(
                "Redis refuses this account what a worker needs: %s. "
                "The rights are in docs/operate.md, under Redis.",
                error,
            )
            raise SystemExit(1) from None

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Let go of the connection that failed with `exc`."""
        try:
            super().on_connection_error_after_connected(exc)
        except Exception as error:
            log.warning("the broken connection did not close: %r", error)
            self.connection = None
