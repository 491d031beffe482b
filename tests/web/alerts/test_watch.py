"""The watch over a real Redis, telling a real receiver."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.servers import ValkeyServer
from tests.web.alerts.receiver import Receiver, receiving
from tests.web.records import KEYS, beat, publish
from tests.web.test_hub import until
from web import messages
from web.alerts import watch as watching
from web.alerts.board import Board
from web.alerts.file import RuleFile
from web.alerts.watch import Watch, news_of
from web.alerts.words import Words
from web.connection import connect
from web.hub import Hub
from web.metrics.monitor import Monitor
from web.refusal import RefusedError
from wire.alerts import Alert, AlertState, Severity, Silence
from wire.events import dump
from wire.fields import field
from wire.metrics import FAILURE, SUCCESS

pytestmark = pytest.mark.anyio

#: A rule that fires at once.
RULES = """
[rules.Deep]
measure = "queue_depth"
above = 2
clear = 1
severity = "critical"
"""


@pytest.fixture(autouse=True)
def turn(redis_client: redis.Redis) -> None:
    """The page that other tests share has the same Redis and other rules: it is not its turn."""
    redis_client.set(KEYS.alerts_turn, "this test")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@asynccontextmanager
async def watch_of(server: ValkeyServer, file: Path, language: str = "en") -> AsyncIterator[Watch]:
    """A watch whose loop does not run: the test looks itself."""
    hub, client = Hub(server.url, KEYS, []), connect(server.url)
    words = Words(language, messages.load(language).gettext)
    try:
        async with hub.running():
            await until(hub, lambda state: state.redis_ok)
            monitor = Monitor(client, KEYS, hub)
            yield Watch(client, KEYS, hub, monitor, RuleFile(str(file)), words)
    finally:
        await client.aclose()


@pytest.fixture
def rules(tmp_path: Path, receiver: Receiver) -> Path:
    file = tmp_path / "alerts.toml"
    file.write_text(f'notify = ["{receiver.address}"]\n{RULES}')
    return file


def alerts_in(board: Board, rule: str) -> list[Alert]:
    return [alert for alert in board.alerts if alert.rule == rule]


async def emptied(watch: Watch) -> None:
    """Wait until the queues that the watch looks at are empty: a reading is kept for a second."""
    while True:
        measured = (await watch._monitor.read()).measured
        if measured and not any(queue.waiting for queue in measured.queues):
            return
        await asyncio.sleep(0.05)


async def clear(watch: Watch, alert_id: str) -> None:
    """As if `alert_id` had been clear for long."""
    async with watch.boards.changing() as (_, alerts):
        alerts[alert_id] = replace(alerts[alert_id], clear_at=1.0)


async def test_alert_fires_is_told_once_and_ends(
    valkey_server: ValkeyServer, redis_client: redis.Redis, rules: Path, receiver: Receiver
) -> None:
    publish(redis_client, beat(at=time.time()))
    redis_client.lpush("scan", "a", "b", "c")
    async with watch_of(valkey_server, rules) as watch:
        await watch.look()
        await watch.look()
        [alert] = alerts_in(await watch.board(), "Deep")
        assert (alert.state, alert.subject, alert.value) == (AlertState.FIRING, "scan", 3)
        [message] = receiver.messages
        assert message["type"] == "failure"
        assert "Messages waiting: scan, 3 (limit 2)" in message["message"]

        redis_client.delete("scan")
        await emptied(watch)
        await watch.look()
        await clear(watch, "Deep:scan")
        await watch.look()
        await watch.look()
        [alert] = alerts_in(await watch.board(), "Deep")
        assert alert.state is AlertState.RESOLVED
        assert [m["type"] for m in receiver.messages] == ["failure", "success"]


async def test_messages_are_in_the_language_of_the_settings(
    valkey_server: ValkeyServer, redis_client: redis.Redis, rules: Path, receiver: Receiver
) -> None:
    redis_client.lpush("scan", *"abc")
    async with watch_of(valkey_server, rules, "fr") as watch:
        await watch.look()
    assert (
        "[critique] Messages en attente\u00a0: scan, 3 (limite 2)"
        in receiver.messages[0]["message"]
    )


async def test_message_that_is_not_taken_is_tried_again_later(
    valkey_server: ValkeyServer, redis_client: redis.Redis, rules: Path, receiver: Receiver
) -> None:
    redis_client.lpush("scan", *"abc")
    receiver.status = 500
    async with watch_of(valkey_server, rules) as watch:
        await watch.look()
        assert watch.told_error == "not taken by: json"
        tries = len(receiver.messages)
        await watch.look()
        assert len(receiver.messages) == tries, "it is too early for another try"
        receiver.status = 200
        watch._try_at = 0.0
        await watch.look()
        assert watch.told_error == ""
        [alert] = alerts_in(await watch.board(), "Deep")
        assert alert.told_at is not None


async def test_silenced_and_seen_alerts_are_not_told(
    valkey_server: ValkeyServer, redis_client: redis.Redis, rules: Path, receiver: Receiver
) -> None:
    redis_client.lpush("scan", *"abc")
    async with watch_of(valkey_server, rules) as watch:
        await watch.boards.silence("Deep", 3600, "Ada", ["Deep"])
        await watch.look()
        board = await watch.board()
        assert (receiver.messages, board.loud) == ([], ())
        await watch.boards.unsilence("Deep")
        await watch.boards.acknowledge("Deep:scan", "Ada")
        await watch.look()
        [alert] = alerts_in(await watch.board(), "Deep")
        assert (alert.acknowledged_by, receiver.messages) == ("Ada", [])


async def test_new_watch_goes_on_where_the_last_one_was(
    valkey_server: ValkeyServer, redis_client: redis.Redis, rules: Path, receiver: Receiver
) -> None:
    redis_client.lpush("scan", *"abc")
    for _ in range(2):
        async with watch_of(valkey_server, rules) as watch:
            await watch.look()
    assert len(receiver.messages) == 1


async def test_only_one_of_two_processes_looks(
    valkey_server: ValkeyServer, redis_client: redis.Redis, rules: Path
) -> None:
    redis_client.flushall()
    async with watch_of(valkey_server, rules) as one, watch_of(valkey_server, rules) as other:
        assert [await one._has_turn(), await other._has_turn()] == [True, False]
        assert await one._has_turn()
        assert 0 < redis_client.ttl(KEYS.alerts_turn) <= watching.ALERTS_TURN_TTL  # type: ignore[operator]


async def test_bad_file_keeps_the_last_good_rules(
    valkey_server: ValkeyServer, redis_client: redis.Redis, rules: Path
) -> None:
    redis_client.ping()
    async with watch_of(valkey_server, rules) as watch:
        good = watch.file.refresh()
        rules.write_text("[rules.Deep]\nabove = 'many'\n")
        assert watch.file.refresh() is good
        assert "rule 'Deep': " in watch.file.error
        rules.write_text("")
        assert watch.file.refresh() is not good
        assert watch.file.error == ""
        rules.unlink()
        assert watch.file.refresh().notify == ()


async def test_failures_of_the_last_minutes_fire(
    valkey_server: ValkeyServer, redis_client: redis.Redis, rules: Path
) -> None:
    rules.write_text("[rules.CeleryHighFailureRate]\nabove = 20\nfor = 0\n")
    minute = int(time.time()) // 60 * 60
    for at in (minute - 120, minute - 60):
        counts: Any = {field("task", "t", SUCCESS): 6, field("task", "t", FAILURE): 4}
        redis_client.hset(KEYS.metrics_trend(60, at), mapping=counts)
    async with watch_of(valkey_server, rules) as watch:
        await watch.look()
        [alert] = alerts_in(await watch.board(), "CeleryHighFailureRate")
    assert (alert.state, alert.value) == (AlertState.FIRING, 40)


@pytest.mark.parametrize("raw", [b"", b"{", b"[1]", b'{"rule":1}', b"\xff" * 10, b"9" * 400_000])
async def test_forged_alerts_are_left_out(
    valkey_server: ValkeyServer, redis_client: redis.Redis, rules: Path, raw: bytes
) -> None:
    redis_client.hset(KEYS.alerts, "Deep:scan", raw)  # type: ignore[arg-type]
    redis_client.hset(KEYS.silences, "Deep", raw)  # type: ignore[arg-type]
    alert = Alert("Deep", "queue_depth", "x", Severity.INFO, AlertState.FIRING, 1, 0)
    redis_client.hset(KEYS.alerts, "another id", dump(alert))
    async with watch_of(valkey_server, rules) as watch:
        assert await watch.board() == Board()


async def test_unknown_alerts_are_refused(
    valkey_server: ValkeyServer, redis_client: redis.Redis, rules: Path
) -> None:
    redis_client.ping()
    async with watch_of(valkey_server, rules) as watch:
        for refused in (
            watch.boards.acknowledge("nothing", "Ada"),
            watch.boards.silence("nothing", 3600, "Ada", ["Deep"]),
            watch.boards.unsilence("nothing"),
        ):
            with pytest.raises(RefusedError) as caught:
                await refused
            assert caught.value.status == 404


def test_what_goes_on_is_told_again_after_a_day() -> None:
    alert = Alert(
        "Deep", "queue_depth", "", Severity.WARNING, AlertState.FIRING, 3, 2, told_at=100.0
    )
    assert news_of(Board((alert,)), 199, repeat_seconds=100) == []
    assert news_of(Board((alert,)), 200, repeat_seconds=100) == [alert]
    assert news_of(Board((alert,)), 10**9, repeat_seconds=0) == []
    note = replace(alert, severity=Severity.INFO, told_at=None)
    assert (news_of(Board((note,)), 200, repeat_seconds=100), Board((note,)).loud) == ([], ())
    silenced = Board((alert,), {"Deep": Silence("Deep", until=300)})
    assert news_of(silenced, 200, repeat_seconds=100) == []
