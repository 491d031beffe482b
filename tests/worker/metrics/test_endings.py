"""Every way a task can end is counted once, whoever is left to say so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from kombu.exceptions import EncodeError

from tests.servers import ValkeyServer, wait_until
from tests.worker.metrics import foreign
from tests.worker.metrics.running import (
    KEYS,
    PREFIX,
    ForeignWorker,
    counted,
    foreign_worker,
    record,
    totals,
    wait_counted,
)
from wire.domain import read_domain
from wire.json_errors import explain
from wire.metrics import read_host
from wire.payloads import read_findings


@pytest.fixture(scope="module")
def worker(
    foreign_server: ValkeyServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ForeignWorker]:
    with foreign_worker(foreign_server, tmp_path_factory.mktemp("endings"), "-c", "2") as worker:
        yield worker


@pytest.fixture
def client(worker: ForeignWorker, redis_client: redis.Redis) -> redis.Redis:
    """The emptied Redis of a worker at work."""
    return redis_client


def tasks(client: redis.Redis, name: str) -> dict[str, int]:
    found = totals(client).tasks
    return {status: n for (task, status), n in found.items() if task == PREFIX + name}


def test_a_failure_is_counted_by_its_exception(client: redis.Redis) -> None:
    sent = foreign.fail.delay("password=x\n" + "long " * 200)
    wait_counted(client, "fail", "failure", 1)
    assert totals(client).failures == {(PREFIX + "fail", "ValueError"): 1}
    assert totals(client).durations[PREFIX + "fail", "failure"].count == 1
    raw: Any = client.hgetall(KEYS.metrics_host("first@here"))
    assert read_host(raw).failures == {(PREFIX + "fail", "foreign", "ValueError"): 1}
    found = wait_until(lambda: (r := record(client, sent.id)) and r.is_final and r)
    assert "\\x0a" in found.exception  # type: ignore[attr-defined]
    assert len(found.exception) <= 300  # type: ignore[attr-defined]


def test_retries_are_counted_by_their_reason(client: redis.Redis) -> None:
    sent = foreign.retry_twice.delay()
    wait_counted(client, "retry_twice", "success", 1)
    wait_counted(client, "retry_twice", "retry", 2)
    assert totals(client).retries == {(PREFIX + "retry_twice", "ConnectionError"): 2}
    wait_counted(client, "retry_twice", "sent", 3)
    assert tasks(client, "retry_twice") == {
        "sent": 3, "received": 3, "started": 3, "retry": 2, "success": 1,
    }  # fmt: skip
    found = wait_until(lambda: (r := record(client, sent.id)) and r.is_final and r)
    assert found.retries == 2  # type: ignore[attr-defined]


def test_refused_and_ignored_messages_are_no_failures(client: redis.Redis) -> None:
    foreign.reject.delay()
    foreign.ignore.delay()
    wait_counted(client, "reject", "rejected", 1)
    wait_counted(client, "ignore", "ignored", 1)
    assert counted(client, "reject", "failure") == 0
    assert not totals(client).failures


def test_a_hard_limit_is_one_failure_and_one_timeout(client: redis.Redis) -> None:
    sent = foreign.overrun.delay()
    wait_counted(client, "overrun", "timeout", 1)
    # Celery has sent its second signal when the next task of the new process ends.
    foreign.echo.delay()
    wait_counted(client, "echo", "success", 1)
    assert counted(client, "overrun", "failure") == counted(client, "overrun", "timeout") == 1
    assert totals(client).failures == {(PREFIX + "overrun", "TimeLimitExceeded"): 1}
    took = totals(client).durations[PREFIX + "overrun", "failure"]
    assert took.count == 1
    assert 1 <= took.sum_seconds < 10
    found = record(client, sent.id)
    assert found is not None
    assert (found.state, found.queue) == ("FAILURE", "foreign")


def test_a_soft_limit_is_a_timeout(client: redis.Redis) -> None:
    foreign.overrun_softly.delay()
    wait_counted(client, "overrun_softly", "timeout", 1)
    assert counted(client, "overrun_softly", "failure") == 1


def test_a_killed_process_is_a_failure(client: redis.Redis) -> None:
    sent = foreign.die.delay()
    wait_counted(client, "die", "failure", 1)
    assert totals(client).failures == {(PREFIX + "die", "WorkerLostError"): 1}
    found = record(client, sent.id)
    assert found is not None
    assert found.exception.startswith("WorkerLostError")


def test_a_revoked_task_is_counted(client: redis.Redis) -> None:
    sent = foreign.sleep.apply_async((0.1,), countdown=0.5, expires=0.2)
    wait_counted(client, "sleep", "revoked", 1)
    assert counted(client, "sleep", "started") == 0
    found = wait_until(lambda: (r := record(client, sent.id)) and r.is_final and r)
    assert found.state == "REVOKED"  # type: ignore[attr-defined]


def test_a_countdown_is_no_waiting(client: redis.Redis) -> None:
    foreign.echo.apply_async(countdown=2)
    wait_counted(client, "echo", "success", 1)
    assert totals(client).waits[PREFIX + "echo", "foreign"].sum_seconds < 1.5


def test_an_unknown_name_is_counted_as_other(client: redis.Redis) -> None:
    foreign.app.send_task("no.such.task", queue="foreign")
    wait_until(lambda: totals(client).tasks.get(("other", "rejected")) == 1)
    assert not any(
        task == "no.such.task" and status != "sent" for task, status in totals(client).tasks
    )


def test_a_running_task_can_be_asked_for(client: redis.Redis) -> None:
    sent = foreign.sleep.delay(4)
    found = wait_until(lambda: (r := record(client, sent.id)) and r.state == "STARTED" and r)
    assert found.worker == "first@here"  # type: ignore[attr-defined]
    wait_counted(client, "sleep", "success", 1)
    assert 4 <= totals(client).durations[PREFIX + "sleep", "success"].sum_seconds < 6


def test_parsing_a_cut_repr_back_is_explained(client: redis.Redis) -> None:
    foreign.parse_back.delay("['a', ...]")
    wait_counted(client, "parse_back", "failure", 1)
    raw: Any = client.hgetall(KEYS.findings)
    (finding,) = read_findings(raw)
    assert (finding.kind, finding.type, finding.times) == ("refused", "ellipsis", 1)
    assert finding.message == "Object of type ellipsis is not JSON serializable"
    assert finding.path.startswith("foreign.py:")
    assert finding.path.endswith("parse_back")


def test_what_a_sender_cannot_send_is_explained(client: redis.Redis) -> None:
    with pytest.raises(EncodeError):
        foreign.echo.delay(1, answer={"when": {2, 3}})
    with pytest.raises(EncodeError):
        foreign.echo.delay({(1, 2): 3})
    assert foreign.metrics.recorder.flush()
    raw: Any = client.hgetall(KEYS.findings)
    named, unnamed = sorted(read_findings(raw), key=lambda finding: finding.type, reverse=True)
    assert (named.task, named.kind, named.type) == (PREFIX + "echo", "refused", "set")
    where, line = named.path.split(" · ")
    assert where == "kwargs['answer']['when']"
    assert line.startswith("test_endings.py:")
    assert explain(named).told().startswith("The arguments or the result hold an object of type")
    assert explain(unnamed).told().startswith("A dictionary has a key of type tuple")


def test_an_application_observes_its_own(client: redis.Redis) -> None:
    foreign.learn.delay()
    wait_counted(client, "learn", "success", 1)
    raw: Any = client.hgetall(KEYS.metrics_domain)
    found = read_domain(raw)
    svm, grid = (("model_type", "svm"),), (("method", "grid"),)
    assert found.counts["models_trained_total", svm] == 1
    assert found.counts["training_total", (*svm, ("status", "success"))] == 1
    assert found.counts["tuning_iterations_total", grid] == 5
    assert found.gauges["training_samples", svm] == 120
    assert found.gauges["training_features", svm] == 7
    assert found.gauges["tuning_best_score", grid] == 0.75
    assert found.times["training_duration_seconds", svm].count == 1
    assert found.times["tuning_duration_seconds", grid].count == 1
    assert found.times["shop_seconds", (("shop", "a"),)].sum_seconds == pytest.approx(0.2)
