"""Figures stay exact when processes come and go, and work goes on when Redis does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import redis
from celery.utils.saferepr import saferepr

from tests.servers import ValkeyServer, wait_until
from tests.worker.metrics import foreign
from tests.worker.metrics.running import (
    KEYS,
    counted,
    foreign_worker,
    sizes,
    totals,
    wait_counted,
)
from wire.events import WorkerBeat, dump, load
from wire.payloads import SizeLimits
from wire.producer import LIMITS_SECONDS, UNLIMITED, read_stamp
from wire.tasks import read_records


def beat(client: redis.Redis, name: str) -> WorkerBeat:
    text: Any = client.get(KEYS.worker(name))
    return load(WorkerBeat, text)


def test_a_limit_changes_in_sender_and_pool_without_a_restart(
    foreign_server: ValkeyServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    payload = "z" * 5000
    with foreign_worker(foreign_server, tmp_path, "-c", "2") as worker:
        pids = {child.pid for child in worker.children()}
        foreign.chain.delay(2, payload)  # every process has read the limits by now
        wait_counted(redis_client, "chain", "success", 3)
        assert sizes(redis_client, "chain").cut == 3
        limits = SizeLimits(args=6000, kwargs=2000, set_by="test", set_at=1.0)
        redis_client.set(KEYS.size_limits, dump(limits))
        wait_until(
            lambda: foreign.app.amqp.argsrepr_maxsize == 6000,
            seconds=LIMITS_SECONDS + 1,
            what="the sender heeds it",
        )
        wait_until(
            lambda: beat(redis_client, worker.name).args_limit == 6000, what="the beat tells it"
        )
        foreign.chain.delay(2, payload)
        wait_counted(redis_client, "chain", "success", 6)
        assert sizes(redis_client, "chain").cut == 3  # not one more, of two pool processes
        assert {child.pid for child in worker.children()} == pids
    # With no worker the next message lies there to be read.
    foreign.chain.delay(1, payload)
    raw: Any = redis_client.lindex("foreign", 0)
    headers = json.loads(raw)["headers"]
    assert headers["argsrepr"] == saferepr((1, payload), None)
    stamp = read_stamp(headers)
    assert (stamp.args_limit, stamp.kwargs_limit) == (6000, 2000)
    redis_client.delete(KEYS.size_limits)
    wait_until(
        lambda: foreign.app.amqp.argsrepr_maxsize == 1024,
        seconds=LIMITS_SECONDS + 1,
        what="the own limit is back",
    )


def test_a_child_of_a_task_does_not_count_the_task(
    foreign_server: ValkeyServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    with foreign_worker(foreign_server, tmp_path, "-c", "1"):
        foreign.fork.delay()
        wait_counted(redis_client, "fork", "success", 1)
    raw: Any = redis_client.hgetall(KEYS.metrics_domain)
    assert any(b"forked" in name for name in raw), "the child has counted"
    assert counted(redis_client, "fork", "started") == 1


def test_an_application_keeps_the_limit_it_assigned(
    foreign_server: ValkeyServer, redis_client: redis.Redis
) -> None:
    amqp: Any = foreign.app.amqp
    amqp.argsrepr_maxsize = 150_000
    try:
        assert amqp.argsrepr_maxsize == 150_000
        assert amqp.kwargsrepr_maxsize == 1024
        amqp.argsrepr_maxsize = None  # Celery: no limit
        assert amqp.argsrepr_maxsize == UNLIMITED
    finally:
        vars(amqp).pop("argsrepr_maxsize")


def test_children_that_are_replaced_lose_nothing(
    foreign_server: ValkeyServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    for number in range(12):
        foreign.echo.delay("x" * number)
    with foreign_worker(foreign_server, tmp_path, "-c", "2", "--max-tasks-per-child", "5"):
        wait_counted(redis_client, "echo", "success", 12)
    args = sizes(redis_client, "echo")["args"]
    assert (args.n, args.sum) == (12, sum(4 + number for number in range(12)))
    assert counted(redis_client, "echo", "success") == 12


def test_several_workers_and_restarts_add_up(
    foreign_server: ValkeyServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    for _ in range(40):
        foreign.echo.delay("first")
    with (
        foreign_worker(foreign_server, tmp_path, "-c", "2", name="one"),
        foreign_worker(foreign_server, tmp_path, "-P", "threads", "-c", "2", name="two"),
    ):
        wait_until(lambda: redis_client.llen("foreign") == 0)
        both = {b"one@here", b"two@here"}
        wait_until(
            lambda: set(redis_client.zrange(KEYS.workers, 0, -1)) == both,  # type: ignore[arg-type]
            what="both workers are known",
        )
    assert redis_client.zcard(KEYS.workers) == 0  # they said good-bye
    with foreign_worker(foreign_server, tmp_path, "-P", "solo", name="three"):
        for _ in range(20):
            foreign.echo.delay("second")
        wait_until(lambda: redis_client.llen("foreign") == 0)
    assert counted(redis_client, "echo", "success") == 60
    assert counted(redis_client, "echo", "received") == 60
    assert sizes(redis_client, "echo")["args"].n == 60


def test_a_killed_child_costs_no_more_than_its_last_second(
    foreign_server: ValkeyServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    with foreign_worker(foreign_server, tmp_path, "-c", "1") as worker:
        for _ in range(10):
            foreign.echo.delay()
        wait_counted(redis_client, "echo", "success", 10)
        before = worker.children()[0]
        before.kill()
        wait_until(lambda: {child.pid for child in worker.children()} - {before.pid})
        for _ in range(10):
            foreign.echo.delay()
        wait_counted(redis_client, "echo", "success", 20)
    assert counted(redis_client, "echo", "success") == 20


def test_tasks_go_on_while_the_metrics_have_no_redis(
    foreign_server: ValkeyServer,
    redis_client: redis.Redis,
    private_valkey: ValkeyServer,
    tmp_path: Path,
) -> None:
    with (
        private_valkey.client() as metrics,
        foreign_worker(
            foreign_server, tmp_path, "-P", "threads", "-c", "2", FOREIGN_METRICS=private_valkey.url
        ) as worker,
    ):
        foreign.echo.delay("before")
        wait_counted(metrics, "echo", "success", 1)
        private_valkey.kill()
        for number in range(30):
            foreign.echo.delay(number)
        wait_until(lambda: "metrics are not written" in worker.text(), what="it says so")
        wait_until(lambda: redis_client.llen("foreign") == 0)
        private_valkey.start()
        wait_counted(metrics, "echo", "success", 31)
        assert counted(metrics, "echo", "success") == 31
        assert worker.text().count("metrics are not written") == 1


def test_a_solo_worker_beats_while_its_task_runs(
    foreign_server: ValkeyServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    with foreign_worker(foreign_server, tmp_path, "-P", "solo") as worker:
        end = tmp_path / "end"
        foreign.wait_for.delay(str(end))
        wait_until(lambda: beat(redis_client, worker.name).busy == 1, what="it is told busy")
        told = beat(redis_client, worker.name)
        assert told.active == {"tests.worker.metrics.foreign.wait_for": 1}
        assert told.oldest_running_at is not None
        assert told.oldest_running_at <= told.at
        end.touch()
        wait_counted(redis_client, "wait_for", "success", 1)
        wait_counted(redis_client, "wait_for", "sent", 1)  # or the next test would hear of it
    assert totals(redis_client).recorder["flushes"] > 0


def test_nothing_that_was_told_as_sent_stays_so(
    foreign_server: ValkeyServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    """Many at once: few are told of, and of each of these how it ended."""
    for number in range(150):
        (foreign.retry_twice if number % 10 == 0 else foreign.echo).delay()
    with foreign_worker(foreign_server, tmp_path, "-c", "2"):
        wait_counted(redis_client, "echo", "success", 135)
        wait_counted(redis_client, "retry_twice", "success", 15)
    raw: Any = redis_client.hvals(KEYS.recent_tasks)
    states = [found.state for found in read_records(raw)]
    assert len(states) >= 20
    assert set(states) == {"SUCCESS"}
