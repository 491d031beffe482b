"""Bad messages and forged commands: counted, shown, kept in part; the worker goes on."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any

from tests.integration.stack import Stack, stack
from tests.servers import wait_until
from tests.worker.test_messages import BAD, BOMB, command
from wire.events import load
from wire.keys import DEAD_KEPT, Keys
from wire.names import QUEUE_NAMES
from wire.refusals import Refusal, RefusedMessage

KEYS = Keys()
PIDBOX = "/0.celery.pidbox"


def refused(running: Stack) -> dict[str, Any]:
    answer: dict[str, Any] = running.get("/api/v1/status")["refused_messages"]
    return answer


def wait_for_refused(running: Stack, count: int) -> None:
    wait_until(lambda: refused(running)["count"] >= count, what=f"{count} refused messages")
    assert refused(running)["count"] == count


def as_bytes(message: object) -> bytes:
    return message if isinstance(message, bytes) else json.dumps(message).encode()


def test_bad_messages_are_refused_and_the_scan_goes_on(tmp_path: Path, music: Path) -> None:
    with stack(tmp_path, music, NEEDLE_MESSAGE_BYTES="100000") as running:
        with running.valkey.client() as client:
            first = running.worker.children()[0].pid
            # Given every bad message in every queue, at two priorities
            for queue in QUEUE_NAMES:
                for message, _ in BAD.values():
                    client.lpush(queue, as_bytes(message))
            client.lpush("scan:3", b"\xff\x00garbage")
            sent = len(BAD) * len(QUEUE_NAMES) + 1
            # When a scan runs among them
            scan = running.run_scan()
            # Then it ends as ever, in the same processes, and nothing was lost or kept whole.
            assert scan["state"].startswith("completed")
            wait_for_refused(running, sent)
            assert running.worker.is_alive()
            assert first in {child.pid for child in running.worker.children()}
            assert client.llen(KEYS.dead) == DEAD_KEPT
            kept = [load(RefusedMessage, doc) for doc in client.lrange(KEYS.dead, 0, -1)]  # type: ignore[union-attr]
            assert {message.source for message in kept} <= set(QUEUE_NAMES)
            assert all(len(message.head) <= 1000 for message in kept)
            assert 0 < client.ttl(KEYS.dead) <= 7 * 24 * 3600
            assert client.ttl(KEYS.refused) > 0
        last = refused(running)["last"]
        assert last["reason"] in [kind.value for kind in Refusal]
        assert last["detail"]
        assert running.worker.log.read_text().count("refused a message") < 10
        page = running.text("/")
        assert "Refused messages" in page


def test_forged_commands_do_not_reach_the_worker(running: Stack) -> None:
    bad: list[bytes] = [
        b"\xff",
        b"[" * 100_000,
        b"[]",
        b'{"properties": 7}',
        as_bytes(command(method="pool_restart", arguments={"modules": ["antigravity"]})),
        as_bytes(command(method="add_consumer", arguments={"queue": "other"})),
        as_bytes(command() | {"headers": {"compression": "gzip"},
                              "body": base64.b64encode(BOMB).decode()}),
        as_bytes(command() | {"body": base64.b64encode(zlib.compress(b"{}")).decode()}),
        as_bytes(command(method="revoke", arguments={"task_id": {}})),
    ]  # fmt: skip
    with running.valkey.client() as client:
        wait_until(client.pubsub_numpat, what="the worker listens")
        for message in bad:
            client.publish(PIDBOX, message)
    # What is no JSON at all is dropped by kombu itself.
    wait_for_refused(running, len(bad) - 1)
    assert refused(running)["last"]["source"] == "remote control"
    assert running.run_scan()["state"].startswith("completed")
    assert running.worker.is_alive()
