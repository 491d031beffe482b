"""A worker whose Redis hung while tasks ended takes new messages afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from kombu import Connection, Exchange, Queue
from redis.exceptions import TimeoutError as RedisTimeoutError

from tests.servers import ValkeyServer
from worker.verdicts import RepeatingQoS


@pytest.fixture
def message(private_valkey: ValkeyServer) -> Iterator[Any]:
    """A message that is held, on a channel that may hold one."""
    options = {"socket_timeout": 0.3, "socket_connect_timeout": 0.3}
    with Connection(private_valkey.url, transport_options=options) as connection:
        channel: Any = connection.channel()
        channel.QoS = RepeatingQoS
        channel.basic_qos(prefetch_count=1)
        queue = Queue("held", Exchange("held"), "held")
        connection.Producer(channel).publish("work", "held", declare=[queue], exchange="held")
        yield channel.basic_get("held")


@pytest.mark.parametrize(("verdict", "waiting"), [("ack", 0), ("reject", 0), ("requeue", 1)])
def test_what_redis_did_not_hear_is_said_again(
    private_valkey: ValkeyServer, message: Any, verdict: str, waiting: int
) -> None:
    qos = message.channel.qos
    private_valkey.freeze()
    with pytest.raises(RedisTimeoutError):
        getattr(message, verdict)()
    with pytest.raises(RedisTimeoutError):
        qos.restore_visible()
    private_valkey.thaw()
    assert not qos.can_consume()
    qos.restore_visible()
    assert qos.can_consume()
    with private_valkey.client() as client:
        assert not client.exists("unacked", "unacked_index")
        assert client.llen("held") == waiting
