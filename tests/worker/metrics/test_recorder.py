"""Counting and flushing: nothing twice, nothing lost while Redis is away, everything bounded."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from tests.servers import ValkeyServer, wait_until
from wire import keys as wire_keys
from wire.keys import Keys
from wire.metrics import read_totals
from wire.tasks import TaskRecord, read_record
from worker.metrics.backlog import BACKLOG_MAX
from worker.metrics.labels import Labels
from worker.metrics.recorder import Recorder
from worker.metrics.records import PROMISES, Records
from worker.metrics.tally import Tally

KEYS = Keys("recorder")
KEY = ("task", "queue", "success")


@pytest.fixture
def recorder(valkey_server: ValkeyServer, redis_client: redis.Redis) -> Iterator[Recorder]:
    recorder = Recorder(lambda: (valkey_server.url, KEYS), "w@here", 5)
    yield recorder
    recorder.finish()


def count(recorder: Recorder, number: int = 1) -> None:
    with recorder as tally:
        tally.tasks[KEY] += number


def counted(client: redis.Redis) -> int:
    raw: Any = client.hgetall(KEYS.metrics_totals)
    return read_totals(raw).tasks.get(("task", "success"), 0)


def errors(client: redis.Redis) -> int:
    raw: Any = client.hgetall(KEYS.metrics_totals)
    return read_totals(raw).recorder.get("handler_errors", 0)


def test_what_was_counted_arrives_by_itself(recorder: Recorder, redis_client: redis.Redis) -> None:
    count(recorder, 3)
    wait_until(lambda: counted(redis_client) == 3)
    assert 0 < redis_client.ttl(KEYS.metrics_host("w@here")) <= wire_keys.HOST_TTL


def test_whoever_looks_before_a_flush_may_ask_for_one_more(recorder: Recorder) -> None:
    looks: list[Tally] = []

    def look(tally: Tally) -> None:
        looks.append(tally)
        if len(looks) == 1:
            recorder.call_for_flush()

    recorder.before_flush.append(look)
    count(recorder)
    wait_until(lambda: len(looks) == 2, what="there was one more flush")


def test_a_flush_that_arrived_unnoticed_counts_once(
    private_valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis does what it was asked, but the answer comes too late."""
    monkeypatch.setattr("worker.metrics.recorder.SOCKET_SECONDS", 0.3)
    recorder = Recorder(lambda: (private_valkey.url, KEYS), "w@here", 5)
    with private_valkey.client() as client:
        count(recorder, 7)
        private_valkey.freeze()
        try:
            assert not recorder.flush()
        finally:
            private_valkey.thaw()
        wait_until(lambda: counted(client) == 7, what="the frozen flush is done")
        count(recorder, 1)
        wait_until(recorder.flush)
        assert counted(client) == 8


def test_counts_wait_while_redis_is_away(private_valkey: ValkeyServer) -> None:
    recorder = Recorder(lambda: (private_valkey.url, KEYS), "w@here", 5)
    private_valkey.kill()
    for _ in range(3):
        count(recorder)
        assert not recorder.flush()
    private_valkey.start()
    wait_until(recorder.flush)
    wait_until(recorder.flush)
    with private_valkey.client() as client:
        assert counted(client) == 3


def test_threads_count_exactly(recorder: Recorder, redis_client: redis.Redis) -> None:
    def work() -> None:
        for _ in range(2000):
            count(recorder)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorder.flush()
    assert counted(redis_client) == 8000


def test_a_fork_counts_for_itself(recorder: Recorder, redis_client: redis.Redis) -> None:
    count(recorder, 10)
    pid = os.fork()
    if pid == 0:
        try:
            count(recorder, 1)
            recorder.flush()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert counted(redis_client) in (1, 11)
    recorder.flush()
    wait_until(lambda: counted(redis_client) == 11)


def add(tally: Tally, numbers: list[int]) -> None:
    tally.tasks[KEY] += sum(numbers)


def test_what_waits_is_counted_with_the_next_flush(
    recorder: Recorder, redis_client: redis.Redis
) -> None:
    def fail(tally: Tally, numbers: list[int]) -> None:
        raise ZeroDivisionError

    append, append_bad = recorder.backlog(add), recorder.backlog(fail)
    append(2)
    append_bad(1)
    append(3)

    wait_until(lambda: counted(redis_client) == 5, what="all but the bad one are counted")
    wait_until(lambda: errors(redis_client) == 1, what="and that one is told")


def test_what_waits_is_bounded(
    recorder: Recorder, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "call_for_flush", lambda: None)
    append = recorder.backlog(add)
    for _ in range(BACKLOG_MAX):
        append(1)
    with recorder as tally:
        assert tally.tasks[KEY] == BACKLOG_MAX, "without a flush"
    append(1)

    assert recorder.flush()
    assert counted(redis_client) == BACKLOG_MAX + 1


def test_threads_leave_exactly_what_they_appended(
    recorder: Recorder, redis_client: redis.Redis
) -> None:
    append = recorder.backlog(add)

    def work() -> None:
        for _ in range(5000):
            append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert recorder.flush()
    assert recorder.flush()
    assert counted(redis_client) == 20_000


def test_a_fork_leaves_to_its_parent_what_waits_there(
    recorder: Recorder, redis_client: redis.Redis
) -> None:
    append = recorder.backlog(add)
    append(5)
    child = os.fork()
    if child == 0:
        append(2)
        os._exit(0 if recorder.flush() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert recorder.flush()
    assert counted(redis_client) == 7


def test_a_full_hash_takes_no_more_fields(
    recorder: Recorder, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wire.keys.METRIC_FIELDS", 1)
    count(recorder)
    recorder.flush()
    with recorder as tally:
        tally.tasks[KEY] += 1
        tally.tasks["other", "queue", "success"] += 1
    recorder.flush()
    recorder.flush()
    raw: Any = redis_client.hgetall(KEYS.metrics_totals)
    totals = read_totals(raw)
    assert ("other", "success") not in totals.tasks
    assert totals.tasks["task", "success"] == 2


def test_a_damaged_hash_stops_nothing(recorder: Recorder, redis_client: redis.Redis) -> None:
    redis_client.hset(KEYS.metrics_totals, "task|task|success", "garbage")
    redis_client.set(KEYS.sizes, "no hash")
    count(recorder)
    with recorder as tally:
        tally.size("task", "args", 5)
    recorder.flush()
    with recorder as tally:
        tally.tasks["fine", "queue", "success"] += 1
    assert recorder.flush()
    raw: Any = redis_client.hgetall(KEYS.metrics_totals)
    assert read_totals(raw).tasks["fine", "success"] == 1


def test_no_address_is_said_and_costs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def address() -> tuple[str, Keys]:
        raise ValueError("metrics need a Redis")

    recorder = Recorder(address, "w@here", 5)
    count(recorder)
    assert not recorder.flush()
    count(recorder)
    assert not recorder.flush()
    assert sum("need a Redis" in record.message for record in caplog.records) == 1


def test_failures_are_told_before_successes() -> None:
    records = Records(2)
    for number, state in enumerate(["PENDING", "SUCCESS", "SUCCESS", "FAILURE", "FAILURE"]):
        task_id = str(number)
        records.offer(task_id, state, lambda i=task_id, s=state: TaskRecord(i, "a", s))  # type: ignore[misc]
    assert [record.state for record in records.take()] == ["FAILURE", "FAILURE"]
    assert records.dropped == 3
    assert records.take() == []


def test_promises_are_kept_whatever_else_is_told() -> None:
    records = Records(2)
    for task_id in ("1", "2", "3"):
        if records.has_room:
            records.promise(task_id, lambda i=task_id: TaskRecord(i, "a", "PENDING"))  # type: ignore[misc]
    for task_id in "456789":
        records.offer(task_id, "FAILURE", lambda i=task_id: TaskRecord(i, "a", "FAILURE"))  # type: ignore[misc]
    for task_id in ("1", "2"):
        records.promise(task_id, lambda i=task_id: TaskRecord(i, "a", "SUCCESS"))  # type: ignore[misc]
    told = {record.id: record.state for record in records.take()}
    assert told == {"1": "SUCCESS", "2": "SUCCESS", "4": "FAILURE", "5": "FAILURE"}
    assert records.dropped == 4


def test_promises_are_bounded() -> None:
    records = Records(2)
    for number in range(PROMISES * 2 + 5):
        records.promise(str(number), lambda: TaskRecord("x", "a", "SUCCESS"))
    assert (len(records.take()), records.dropped) == (PROMISES * 2, 5)


def test_a_late_record_does_not_replace_the_end(
    recorder: Recorder, redis_client: redis.Redis
) -> None:
    for state in ("SUCCESS", "STARTED"):
        with recorder:
            recorder.records.offer("1", state, lambda s=state: TaskRecord("1", "a", s))  # type: ignore[misc]
        recorder.flush()
    raw: Any = redis_client.hget(KEYS.recent_tasks, "1")
    found = read_record(raw)
    assert found is not None
    assert found.state == "SUCCESS"


def test_a_record_with_half_a_character_stops_nothing(
    recorder: Recorder, redis_client: redis.Redis
) -> None:
    with recorder as tally:
        tally.tasks[KEY] += 1
        for task_id in ("\ud800", "fine"):
            recorder.records.offer(
                task_id,
                "SUCCESS",
                lambda i=task_id: TaskRecord(i, "é\udfff", "SUCCESS"),  # type: ignore[misc]
            )
    assert recorder.flush()
    assert counted(redis_client) == 1
    raw: Any = redis_client.hget(KEYS.recent_tasks, "fine")
    assert read_record(raw) is not None
    assert redis_client.hexists(KEYS.recent_tasks, "?")


def test_only_so_many_records_are_kept(
    recorder: Recorder, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wire.keys.RECENT_TASKS", 3)
    for number in range(6):
        with recorder:
            recorder.records.offer(
                str(number),
                "SUCCESS",
                lambda n=number: TaskRecord(str(n), "a", "SUCCESS", finished_at=float(n)),  # type: ignore[misc]
            )
        recorder.flush()
    assert redis_client.zrange(KEYS.recent, 0, -1) == [b"3", b"4", b"5"]
    assert set(redis_client.hkeys(KEYS.recent_tasks)) == {b"3", b"4", b"5"}


def test_labels_beyond_the_limit_are_other() -> None:
    labels = Labels(2)
    assert [labels(name) for name in ("a", "b", "c", "a")] == ["a", "b", "other", "a"]
