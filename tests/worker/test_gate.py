"""What may go back into a queue when its worker died: good messages, and nothing forged."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from kombu import Connection, Exchange, Queue

from tests.servers import ValkeyServer
from tests.worker.test_messages import BAD, TASKS, task
from wire.events import load
from wire.refusals import Refusal, RefusedMessage
from worker.gate import Gate, guarded_transport
from worker.services import Services
from worker.settings import read_settings


@pytest.fixture
def services(valkey_server: ValkeyServer, tmp_path: Path) -> Iterator[Services]:
    environ = {"NEEDLE_REDIS_URL": valkey_server.url, "NEEDLE_DATA": str(tmp_path)}
    made = Services(read_settings(environ))
    yield made
    made.redis.close()


@pytest.fixture
def channel(services: Services, redis_client: redis.Redis) -> Iterator[Any]:
    """A channel of kombu, behind a gate."""
    gate = Gate(services, TASKS)
    connection: Any = Connection(
        services.settings.shared.redis_url, transport_options={"sep": ":", "priority_steps": [0, 3]}
    )
    transport = guarded_transport(gate)
    connection.get_transport_cls = lambda: transport
    with connection:
        yield connection.channel()


@pytest.mark.parametrize("verdict", ["ack", "reject"])
def test_task_that_ends_after_its_connection_was_lost_ends_no_worker(
    channel: Any, verdict: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What Celery and kombu do when Redis goes, in this order, while a task still runs."""
    connection = channel.connection.client
    queue = Queue("held", Exchange("held"), "held")
    connection.Producer(channel).publish("work", "held", declare=[queue], exchange="held")
    message = channel.basic_get("held")
    channel._disconnect_pools()
    connection._do_close_transport()

    end = getattr(message, f"{verdict}_log_error")
    end(logging.getLogger("celery"), connection.connection_errors)

    assert "is lost" in caplog.text


def put_back(channel: Any, client: redis.Redis, stored: bytes) -> None:
    client.hset("unacked", "tag", stored)
    client.zadd("unacked_index", {"tag": 1.0})
    channel.qos.restore_by_tag("tag")
    assert not client.exists("unacked", "unacked_index")


def test_good_message_goes_back(channel: Any, redis_client: redis.Redis) -> None:
    put_back(channel, redis_client, json.dumps([task(), "", "scan"]).encode())
    assert redis_client.llen("scan") == 1
    assert not redis_client.exists("needle:refused")


@pytest.mark.parametrize(
    "stored",
    [
        b"\xff",
        b"7",
        b"[1, 2, 3]",
        b"[" * 100_000,
        b'["no message", "", "scan"]',
        *(json.dumps([m, "", "scan"]).encode() for m, _ in BAD.values() if isinstance(m, dict)),
    ],
    ids=lambda stored: stored[:40],
)
def test_forged_one_is_dropped(channel: Any, redis_client: redis.Redis, stored: bytes) -> None:
    put_back(channel, redis_client, stored)
    assert redis_client.llen("scan") == 0
    assert redis_client.get("needle:refused") == b"1"


def test_what_is_kept_is_printable_and_short(services: Services, redis_client: redis.Redis) -> None:
    gate = Gate(services, {})
    gate.refuse("\x1b[31m", b"\x1b\xff\n" * 9999, Refusal.MALFORMED, "a\nb\u202e" * 999)
    (doc,) = redis_client.lrange("needle:dead", 0, -1)  # type: ignore[misc]
    kept = load(RefusedMessage, doc)
    assert kept.detail.isprintable()
    assert len(kept.detail) <= 200
    assert kept.head.startswith("\\x1b\\xff\\x0a")
    assert len(kept.head) <= 1000
    assert kept.size_bytes == 29_997


def test_flood_is_logged_in_one_line(
    services: Services, redis_client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate(services, {})
    with caplog.at_level(logging.WARNING):
        for _ in range(200):
            gate.refuse("scan\nfake line", b"", Refusal.NOT_JSON, "no\nJSON")
    assert [record.getMessage() for record in caplog.records] == [
        "refused a message from scan\\x0afake line, not_json: no\\x0aJSON"
    ]
    assert redis_client.get("needle:refused") == b"200"
    assert redis_client.llen("needle:dead") == 100
