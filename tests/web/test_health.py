"""The verdict on workers, queues and Redis, as a function of what is known."""

from __future__ import annotations

import dataclasses
from typing import Any

import httpx
import redis

from tests.servers import wait_until
from tests.web.records import AT, beat, publish
from web.health import (
    DEPTH_MAX,
    OLDEST_SECONDS,
    WEDGED_IDLE_SECONDS,
    WEDGED_SECONDS,
    Health,
    Verdict,
    verdict,
)
from web.metrics.measured import Measured, QueueMeasures
from web.metrics.monitor import Reading
from web.state import State, WorkerView
from wire.events import WorkerBeat
from wire.metrics import Sample

URL = "/api/v1/celery/health"


def judged(*beats: WorkerBeat, state: dict[str, Any] | None = None, **measured: Any) -> Verdict:
    """The verdict with these workers."""
    workers = tuple(WorkerView(beat) for beat in beats)
    shown = State(version=1, at=AT, redis_ok=True, workers=workers, **(state or {}))
    return verdict(Reading(shown, Measured(at=AT, **measured)))


def codes(found: Verdict) -> list[str]:
    return [reason.code for reason in found.reasons]


def wedged(seconds: float, **changes: Any) -> WorkerBeat:
    """A worker whose whole pool has been busy for so long."""
    values: dict[str, Any] = {
        "processes": 2, "busy": 2, "reserved": 1, "cpu_percent": 50.0,
        "oldest_running_at": AT - seconds, "done_at": AT - seconds,
    }  # fmt: skip
    return beat(**values | changes)


def test_all_is_well_with_an_idle_worker() -> None:
    found = judged(beat(pool="prefork", registered=3))
    assert found == Verdict(Health.HEALTHY, (), workers=1)
    assert found.message.told() == "All systems operational"


def test_no_worker_is_unhealthy() -> None:
    assert judged().health is Health.UNHEALTHY
    assert codes(judged()) == ["no_workers"]


def test_redis_away_is_unhealthy_and_says_why() -> None:
    state = State(version=1, at=AT)
    found = verdict(Reading(state, error="It hangs: no answer in time."))
    assert found.health is Health.UNHEALTHY
    assert not found.broker_connected
    assert found.message.told() == "Redis cannot be used. It hangs: no answer in time."


def test_redis_that_takes_nothing_is_unhealthy() -> None:
    found = judged(beat(), state={"redis_error": "Its memory limit is reached."})
    assert (found.health, codes(found)) == (Health.UNHEALTHY, ["redis"])


def test_worker_without_tasks_is_noticed() -> None:
    none, some = beat("a@x", pool="solo"), beat("b@x", pool="solo", registered=2)
    assert judged(none).health is Health.UNHEALTHY
    assert judged(none, some).health is Health.DEGRADED
    assert codes(judged(beat(pool=""))) == []  # an older worker that does not tell


def test_silent_worker_degrades() -> None:
    views = (WorkerView(beat("a@x")), WorkerView(beat("b@x"), silent=True))
    state = State(version=1, at=AT, redis_ok=True, workers=views)
    found = verdict(Reading(state, Measured(at=AT)))
    assert (found.health, codes(found), found.workers) == (Health.DEGRADED, ["worker_silent"], 1)


def test_wedged_pool_is_noticed_although_the_worker_answers() -> None:
    assert codes(judged(wedged(WEDGED_SECONDS + 1))) == ["worker_wedged"]
    assert judged(wedged(WEDGED_SECONDS + 1)).health is Health.UNHEALTHY
    assert judged(wedged(WEDGED_SECONDS + 1), beat("b@x")).health is Health.DEGRADED


def test_pool_that_takes_no_cpu_is_wedged_sooner() -> None:
    assert codes(judged(wedged(WEDGED_IDLE_SECONDS + 1, cpu_percent=0.1))) == ["worker_wedged"]
    assert codes(judged(wedged(WEDGED_IDLE_SECONDS + 1))) == []


def test_long_tasks_are_not_a_wedged_pool() -> None:
    seconds = WEDGED_SECONDS * 2
    assert codes(judged(wedged(seconds, busy=1))) == []  # one process is free
    assert codes(judged(wedged(seconds, done_at=AT - 5))) == []  # one has just finished
    assert codes(judged(wedged(seconds, reserved=0))) == []  # nobody waits
    assert codes(judged(wedged(seconds, oldest_running_at=AT - 9))) == []


def test_queues_that_wait_for_a_busy_pool_make_it_wedged() -> None:
    worker = wedged(WEDGED_SECONDS + 1, reserved=0, queues=("mail",))
    waiting = (QueueMeasures("mail", waiting=1),)
    assert codes(judged(worker, queues=waiting)) == ["worker_wedged"]
    assert codes(judged(worker, queues=(QueueMeasures("mail", waiting=0),))) == []


def test_queue_is_judged_by_depth_age_growth_and_consumers() -> None:
    def of(*consumed: str, **changes: Any) -> list[str]:
        queue = dataclasses.replace(QueueMeasures("mail", waiting=5), **changes)
        before = {"mail": Sample(n=1, sum=10, max=10)}
        return codes(
            judged(
                beat(queues=consumed),
                queues=(queue,),
                depth_before=before,
                depth_before_at=AT - 60,
            )
        )

    assert of("mail") == []
    assert of() == ["queue_without_consumer"]
    assert of(waiting=0) == []
    assert of("mail", waiting=None) == []  # not known is not bad
    assert of("mail", oldest_seconds=OLDEST_SECONDS + 1) == ["queue_old"]
    assert of("mail", waiting=DEPTH_MAX + 1) == ["queue_deep", "queue_growing"]
    assert of("mail", waiting=500) == []


def test_message_never_acknowledged_is_noticed() -> None:
    assert codes(judged(beat(), oldest_in_flight_seconds=8_000.0)) == ["unacked_old"]
    assert codes(judged(beat(), oldest_in_flight_seconds=0.0)) == []


def test_worst_reason_comes_first() -> None:
    found = judged(queues=(QueueMeasures("mail", waiting=5),), state={"catalog_error": "locked"})
    assert codes(found) == ["no_workers", "catalog", "queue_without_consumer"]
    assert found.message.told() == "No worker is running."


def test_endpoint_answers_503_when_no_work_is_done(
    http: httpx.Client, redis_client: redis.Redis
) -> None:
    wait_until(lambda: http.get(URL).status_code == 503, what="no worker is known")
    answer = http.get(URL)
    assert answer.json()["status"] == "unhealthy"
    publish(redis_client, beat())
    wait_until(lambda: http.get(URL).json()["status"] == "healthy", what="healthy")
    answer = http.get(URL)
    assert answer.status_code == 200
    assert answer.json() | {"timestamp": ""} == {
        "status": "healthy",
        "message": "All systems operational",
        "workers": 1,
        "broker_connected": True,
        "timestamp": "",
        "reasons": [],
    }


def test_endpoint_speaks_french(http: httpx.Client) -> None:
    wait_until(
        lambda: http.get(URL, params={"lang": "fr"}).json()["message"] == "Aucun worker ne tourne.",
        what="it says so",
    )
    assert http.get(URL, params={"lang": "xx"}).status_code == 422


def test_many_waiting_and_no_worker_is_not_an_empty_queue(
    http: httpx.Client, redis_client: redis.Redis
) -> None:
    redis_client.lpush("extract", *range(1_200))

    def said() -> list[str]:
        return [reason["message"] for reason in http.get(URL).json()["reasons"]]

    expected = [
        "No worker is running.",
        "No worker takes from extract. Messages that wait there: 1,200.",
    ]
    wait_until(lambda: said() == expected, what="both reasons are told")
