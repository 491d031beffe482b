"""Every figure of tasks of known sizes is what Python computes itself, in every kind of pool.

The tasks are sent before their worker starts, so that their messages can be read from Redis.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis
from celery.utils.saferepr import saferepr

from tests.servers import ValkeyServer
from tests.worker.metrics import foreign
from tests.worker.metrics.running import (
    KEYS,
    PREFIX,
    counted,
    foreign_worker,
    record,
    sizes,
    totals,
    wait_counted,
)
from wire.events import WorkerBeat, load
from wire.metrics import read_host, read_trend, starts
from wire.payloads import read_findings
from wire.producer import read_stamp

#: args, kwargs
PAYLOADS: tuple[tuple[tuple[Any, ...], dict[str, Any]], ...] = (
    ((), {}),
    (("x",), {}),
    (("x" * 1015,), {}),  # as long as the limit allows
    (("x" * 1024,), {}),
    (("words " * 300,), {}),
    (("it ends with three dots...",), {}),
    (("é" * 5000, "日本語", "🎵"), {}),
    ((), {"paths": [f"/music/Björk/{n:04}.flac" for n in range(2000)]}),
    (([{"tags": {"title": [["deep"]]}}],), {"answer": {"deep": [1, 2.5, None, True]}}),
    ((-5, 2**40, 0.1, 1e20), {"answer": "ü" * 300}),
    (("m" * 3_000_000,), {}),
    ((list(range(100_000)),), {"b": "B" * 70_000}),
    (([f"/music/{n}.flac" for n in range(3000)],), {"answer": "zipped"}),
)
POOLS = {
    "prefork": ("-P", "prefork", "-c", "4"),
    "threads": ("-P", "threads", "-c", "4"),
    "solo": ("-P", "solo"),
}


@dataclass(frozen=True)
class Done:
    """What was sent, and the Redis that tells of it."""

    client: redis.Redis
    messages: tuple[dict[str, Any], ...]
    wire: tuple[int, ...]
    ids: tuple[str, ...]
    pool: str
    beat: WorkerBeat
    log: str


@pytest.fixture(scope="module", params=POOLS)
def done(
    request: pytest.FixtureRequest,
    foreign_server: ValkeyServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Done]:
    """A worker that has done it all, and has ended."""
    client = foreign_server.client()
    client.flushall()
    ids = tuple(
        foreign.echo.apply_async(
            args, kwargs, compression="gzip" if "zipped" in kwargs.values() else None
        ).id
        for args, kwargs in PAYLOADS
    )
    raw: Any = client.lrange("foreign", 0, -1)
    foreign.chain.delay(3, "y" * 2000)
    odd = (b"\xff\x00", ..., {1, 2}, {"when": object})
    foreign.echo.apply_async(odd, serializer="pickle")
    folder = tmp_path_factory.mktemp(request.param)
    with foreign_worker(foreign_server, folder, *POOLS[request.param]) as worker:
        wait_counted(client, "echo", "success", len(PAYLOADS) + 1)
        wait_counted(client, "chain", "success", 4)
        text: Any = client.get(KEYS.worker(worker.name))
    yield Done(
        client=client,
        messages=tuple(json.loads(message) for message in reversed(raw)),
        wire=tuple(len(message) for message in raw),
        ids=ids,
        pool=request.param,
        beat=load(WorkerBeat, text),
        log=worker.text(),
    )
    client.close()


def as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=repr)


def expected(part: int) -> list[str]:
    odd: tuple[list[object], dict[str, object]] = ([b"\xff\x00", ..., {1, 2}, {"when": object}], {})
    return [as_json(payload[part]) for payload in (*PAYLOADS, odd)]


@pytest.mark.parametrize(("measure", "part"), [("args", 0), ("kwargs", 1)])
def test_payload_is_what_json_has(done: Done, measure: str, part: int) -> None:
    found, texts = sizes(done.client, "echo")[measure], expected(part)
    chars = sorted(len(text) for text in texts)
    assert (found.n, found.sum, found.max) == (len(texts), sum(chars), chars[-1])
    for q in (0.5, 0.95, 0.99):
        exact = chars[math.ceil(q * len(chars)) - 1]
        assert found.quantile(q) == pytest.approx(exact, rel=0.011)
    in_bytes = sizes(done.client, "echo")[f"{measure}_bytes"]
    lengths = [len(text.encode()) for text in texts]
    assert (in_bytes.n, in_bytes.sum, in_bytes.max) == (len(texts), sum(lengths), max(lengths))


def test_largest_names_its_task(done: Done) -> None:
    largest = sizes(done.client, "echo")["args"].largest
    assert largest is not None
    assert (largest.task_id, largest.queue) == (done.ids[10], "foreign")


def test_wire_is_what_lay_in_redis(done: Done) -> None:
    found = sizes(done.client, "echo")["wire_bytes"]
    assert found.n == len(PAYLOADS) + 1
    assert found.max == max(done.wire)
    odd = found.sum - sum(done.wire)
    assert 500 < odd < 3000  # the message with the odd values was not read here


def test_cut_is_what_the_headers_show(done: Done) -> None:
    cut = {"args": 0, "kwargs": 0, "any": 0}
    for (args, kwargs), message in zip(PAYLOADS, done.messages, strict=True):
        headers = message["headers"]
        of_args = headers["argsrepr"] != saferepr(args, None)
        of_kwargs = headers["kwargsrepr"] != saferepr(kwargs, None)
        cut["args"] += of_args
        cut["kwargs"] += of_kwargs
        cut["any"] += of_args or of_kwargs
    found = sizes(done.client, "echo")
    assert cut["any"] >= 6
    assert {"args": found.cut_args, "kwargs": found.cut_kwargs, "any": found.cut} == cut
    assert sizes(done.client, "chain").cut == 4  # sent from inside tasks as well


def test_results_are_measured(done: Done) -> None:
    answers = [kwargs.get("answer") for _, kwargs in PAYLOADS] + [None]
    lengths = [len(as_json(answer).encode()) for answer in answers]
    found = sizes(done.client, "echo")["result_bytes"]
    assert (found.n, found.sum, found.max) == (len(lengths), sum(lengths), max(lengths))


def test_the_largest_repr_was_sampled(done: Done) -> None:
    found = sizes(done.client, "echo")["args_repr"]
    assert found.n >= 1
    assert found.max == max(len(saferepr(args, None)) for args, _ in PAYLOADS)


def test_what_json_cannot_hold_is_named(done: Done) -> None:
    raw: Any = done.client.hgetall(KEYS.findings)
    found = {(f.kind, f.type): f.path for f in read_findings(raw) if f.task == PREFIX + "echo"}
    assert found["not_json", "bytes"] == "args[0]"
    assert found["ellipsis", "ellipsis"] == "args[1]"
    assert found["not_json", "set"] == "args[2]"
    assert found["not_json", "type"] == "args[3]['when']"
    assert ("nested", "") in found
    assert sizes(done.client, "echo").not_json == 1


def test_every_step_is_counted_once(done: Done) -> None:
    number = len(PAYLOADS) + 1
    for status in ("sent", "received", "started", "success"):
        assert counted(done.client, "echo", status) == number, status
        assert counted(done.client, "chain", status) == 4, status
    durations = totals(done.client).durations[PREFIX + "echo", "success"]
    waits = totals(done.client).waits[PREFIX + "echo", "foreign"]
    assert durations.count == waits.count == number
    assert 0 < durations.sum_seconds < 30
    assert waits.sum_seconds > 0


def test_host_and_trends_add_up_to_the_totals(done: Done) -> None:
    name, number = PREFIX + "echo", len(PAYLOADS) + 1
    raw: Any = done.client.hgetall(KEYS.metrics_host("first@here"))
    host = read_host(raw)
    assert host.tasks[name, "foreign", "success"] == number
    assert host.runtimes[name, "foreign"].count == number
    for span in (60, 3600, 86_400):
        points = []
        for at in starts(span, time.time(), 3):
            hash_: Any = done.client.hgetall(KEYS.metrics_trend(span, at))
            points.append(read_trend(at, hash_))
        assert sum(p.tasks.get((name, "success"), 0) for p in points) == number
        cut = sizes(done.client, "echo").cut_args
        assert sum(p.cuts.get((name, "args"), 0) for p in points) == cut
        assert sum(p.waits["foreign"].count for p in points if p.waits) == number + 4


def test_days_hold_the_same_maxima(done: Done) -> None:
    keys: Any = done.client.keys(f"{KEYS.sizes}:20*")
    assert all(done.client.ttl(key) > 39 * 86_400 for key in keys)
    days = [done.client.hget(key, f"max|{PREFIX}echo|args") for key in keys]
    assert str(len(as_json(PAYLOADS[10][0]))).encode() in days


def test_messages_carry_a_stamp(done: Done) -> None:
    for message in done.messages:
        stamp = read_stamp(message["headers"])
        assert stamp.sent_at is not None
        assert (stamp.args_limit, stamp.kwargs_limit) == (1024, 1024)


def test_a_task_can_be_asked_for_by_its_id(done: Done) -> None:
    found = record(done.client, done.ids[8])
    assert found is not None
    assert (found.name, found.state, found.worker) == (PREFIX + "echo", "SUCCESS", "first@here")
    assert found.sent_at is not None
    assert found.started_at is not None
    assert found.finished_at is not None
    assert found.sent_at <= found.started_at <= found.finished_at
    assert found.kwargs == "{'answer': {'deep': [1, 2.5, None, True]}}"
    assert (found.args_chars, found.queue) == (len(as_json(PAYLOADS[8][0])), "foreign")
    large = record(done.client, done.ids[10])
    assert large is not None
    assert len(large.args) <= 200


def test_the_beat_describes_the_pool(done: Done) -> None:
    pools = {"prefork": (4, 5), "threads": (4, 1), "solo": (1, 1)}
    processes, system = pools[done.pool]
    beat = done.beat
    assert (beat.pool, beat.processes, beat.system_processes) == (done.pool, processes, system)
    assert (beat.worker, beat.queues) == ("first@here", ("foreign",))
    assert beat.registered == len([n for n in foreign.app.tasks if n.startswith(PREFIX)])
    assert (beat.args_limit, beat.kwargs_limit) == (1024, 1024)
    assert beat.rss_bytes > 20_000_000


def test_the_worker_reports_in_its_log(done: Done) -> None:
    assert f"[CELERY MONITOR] Task: {PREFIX}echo" in done.log
    assert re.search(r"\[CELERY MONITOR\] Args: [\d,]+ characters \(⚠ TRUNCATED\)", done.log)
    assert "[CELERY MONITOR] Kwargs: 2 characters (✓)" in done.log
    assert "[CELERY MONITOR] Current limit: 1,024 characters" in done.log
    analysed = len(PAYLOADS) + 1 + 4
    assert f"[WORKER SHUTDOWN] Tasks analysed: {analysed}" in done.log
    assert "[WORKER SHUTDOWN] Largest args: 3,000,004 characters" in done.log
    assert "Recommended limit for args: 4,194,304 characters (needed: 3,600,006)" in done.log
