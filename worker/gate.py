"""Where messages come in from Redis: what is no good message never reaches Celery.

It is counted, logged (at most one line in ten seconds), and its beginning kept in a list that is
cut; it is not put back, so nothing can make a worker crash again and again.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from inspect import Signature, signature
from typing import Any, cast

from kombu.transport.redis import Channel as RedisChannel
from kombu.transport.redis import Transport as RedisTransport
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from wire.events import dump
from wire.keys import DEAD_KEPT, DEAD_TTL
from wire.refusals import DETAIL_CHARS, HEAD_CHARS, Refusal, RefusedMessage
from wire.text import escape_controls
from worker.envelope import RefusedError
from worker.messages import check_command, check_task
from worker.services import NeedleApp, Services
from worker.verdicts import RepeatingQoS

log = logging.getLogger(__name__)

LOG_SECONDS = 10.0
REMOTE_CONTROL, UNACKNOWLEDGED = "remote control", "unacknowledged"


class Gate:
    """Judges messages, and remembers those that it refused."""

    def __init__(self, services: Services, tasks: Mapping[str, Signature]) -> None:
        self._services, self._tasks = services, tasks
        self._most_bytes = services.settings.message_bytes
        self._logged_at = float("-inf")
        self._unlogged = 0

    def taken(self, reply: Any, **_: Any) -> tuple[bytes, bytes] | None:
        """The answer to BRPOP (list, message), None when there was none or it is refused."""
        if not reply:
            return None
        source, data = reply
        try:
            check_task(data, self._tasks, self._most_bytes, time.time())
        except RefusedError as refused:
            queue = source.decode("utf-8", "replace").partition(":")[0]
            self.refuse(queue, data, refused.kind, refused.detail)
            return None
        return source, data

    def may_return(self, stored: bytes) -> bool:
        """Whether what was kept of an unacknowledged message may go back into its list."""
        try:
            message, _exchange, _routing_key = json.loads(stored)
            check_task(json.dumps(message).encode(), self._tasks, self._most_bytes, time.time())
        except RefusedError as refused:
            self.refuse(UNACKNOWLEDGED, stored, refused.kind, refused.detail)
        except (ValueError, TypeError, RecursionError) as error:
            self.refuse(UNACKNOWLEDGED, stored, Refusal.MALFORMED, str(error))
        else:
            return True
        return False

    def obeys(self, message: Any) -> bool:
        """Whether a remote control message may go on."""
        try:
            check_command(message, self._most_bytes)
        except RefusedError as refused:
            self.refuse(REMOTE_CONTROL, repr(message).encode(), refused.kind, refused.detail)
            return False
        return True

    def refuse(self, source: str, data: bytes, kind: Refusal, detail: str) -> None:
        """Count, keep the beginning, log; never raises."""
        keys, client = self._services.keys, self._services.redis
        message = RefusedMessage(
            at=time.time(),
            source=source,
            kind=kind,
            detail=escape_controls(detail)[:DETAIL_CHARS],
            size_bytes=len(data),
            head=_printable(data[:HEAD_CHARS])[:HEAD_CHARS],
        )
        self._log(message)
        try:
            pipe = client.pipeline()
            pipe.incr(keys.refused)
            pipe.lpush(keys.dead, dump(message))
            pipe.ltrim(keys.dead, 0, DEAD_KEPT - 1)
            for key in (keys.refused, keys.dead):
                pipe.expire(key, DEAD_TTL)
            pipe.execute()
        except RedisError as error:
            log.warning("Redis did not hear of a refused message: %s", error)

    def _log(self, message: RefusedMessage) -> None:
        now = time.monotonic()
        if now - self._logged_at < LOG_SECONDS:
            self._unlogged += 1
            return
        more = f" ({self._unlogged} more before it)" if self._unlogged else ""
        self._logged_at, self._unlogged = now, 0
        log.warning(
            "refused a message from %s, %s: %s%s",
            escape_controls(message.source),
            message.kind.value,
            message.detail,
            more,
        )


def signatures(app: NeedleApp) -> Mapping[str, Signature]:
    """What the application's own tasks are called with; those of Celery are nobody's to send."""
    return {
        name: signature(task.run, eval_str=True)
        for name, task in app.tasks.items()
        if not name.startswith("celery.")
    }


def _printable(data: bytes) -> str:
    return "".join(chr(b) if 0x20 <= b < 0x7F else f"\\x{b:02x}" for b in data)


def guarded_transport(gate: Gate) -> type[RedisTransport]:
    """kombu's Redis transport, behind `gate`.  (The types of kombu leave out what is ignored.)"""

    class GuardedQoS(RepeatingQoS):
        """What is delivered and not acknowledged."""

        def restore_by_tag(self, tag: Any, client: Any = None, leftmost: bool = False) -> None:
            """Put a message back; drop what is none, else it would be in the way for ever."""
            with self.channel.conn_or_acquire(client) as held:  # type: ignore[attr-defined]
                stored = held.hget(self.unacked_key, tag)
                if stored is None or gate.may_return(stored):
                    super().restore_by_tag(tag, held, leftmost)
                else:
                    self._remove_from_indices(tag).execute()  # type: ignore[attr-defined]

    class GuardedChannel(RedisChannel):
        """The one place where raw messages are seen."""

        QoS = GuardedQoS

        def _connparams(self, asynchronous: bool = False) -> Any:
            """Where to connect to.  A task that ends after its connection was lost asks as well.

            kombu has taken the address away by then, and its AttributeError would end the worker;
            the message is not done for Redis, and comes again.
            """
            if self.connection is None or self.connection.client is None:
                raise RedisConnectionError("the connection that this message came by is lost")
            return super()._connparams(asynchronous)  # type: ignore[misc]

        def _create_client(self, asynchronous: bool = False) -> Any:
            client = super()._create_client(asynchronous)  # type: ignore[misc]
            client.set_response_callback("BRPOP", gate.taken)
            return client

        def _receive_one(self, c: Any) -> Any:
            try:
                return super()._receive_one(c)  # type: ignore[misc]
            except RecursionError as error:
                gate.refuse(REMOTE_CONTROL, b"", Refusal.MALFORMED, str(error))
                return None

        def _deliver_fanout_message(self, message: Any, exchange: str) -> Any:
            if gate.obeys(message):
                return super()._deliver_fanout_message(message, exchange)  # type: ignore[misc]
            return None

    class GuardedTransport(RedisTransport):
        Channel = GuardedChannel

    return cast("type[RedisTransport]", GuardedTransport)
