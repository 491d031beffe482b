"""What the page puts into a message: the time, and the limits that somebody set."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from celery.signals import before_task_publish

from tests.servers import ValkeyServer
from web.dispatch import Dispatcher
from wire.events import dump
from wire.keys import Keys
from wire.names import SCAN_CONTROL
from wire.payloads import SizeLimits
from wire.producer import Stamp, read_stamp


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Applications that other tests made in this process stamp whatever is sent from it."""
    monkeypatch.setattr(before_task_publish, "receivers", [])


@pytest.fixture
def dispatcher(valkey_server: ValkeyServer, redis_client: redis.Redis) -> Iterator[Dispatcher]:
    dispatcher = Dispatcher(valkey_server.url)
    yield dispatcher
    dispatcher.close()


def sent(client: redis.Redis) -> dict[str, Any]:
    raw: Any = client.rpop("scan")
    message: dict[str, Any] = json.loads(raw)
    return message


def test_a_message_says_when_it_was_sent(dispatcher: Dispatcher, redis_client: redis.Redis) -> None:
    asyncio.run(dispatcher.send(SCAN_CONTROL, scan_id="1", action="stop"))
    stamp = read_stamp(sent(redis_client)["headers"])
    assert stamp.sent_at is not None
    assert abs(stamp.sent_at - time.time()) < 5
    assert stamp == Stamp(stamp.sent_at, 1024, 1024)


def test_a_limit_that_is_set_is_heeded(dispatcher: Dispatcher, redis_client: redis.Redis) -> None:
    redis_client.set(Keys().size_limits, dump(SizeLimits(args=50, kwargs=20, set_by="test")))
    asyncio.run(dispatcher.send(SCAN_CONTROL, scan_id="x" * 100, action="stop"))
    message = sent(redis_client)
    stamp = read_stamp(message["headers"])
    assert (stamp.args_limit, stamp.kwargs_limit) == (50, 20)
    assert len(message["headers"]["kwargsrepr"]) < 40
    body = json.loads(base64.b64decode(message["body"]))
    assert body[1] == {"scan_id": "x" * 100, "action": "stop"}  # the payload is never cut
