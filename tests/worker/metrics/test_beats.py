"""A worker's beats: Redis may hang or be away, the worker does not feel it and says so once."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest
import redis
from celery import Celery

from tests.servers import ValkeyServer, wait_until
from tests.worker.metrics import foreign
from tests.worker.metrics.running import PREFIX, foreign_worker, wait_counted
from wire.events import WorkerBeat, load
from wire.keys import Keys
from worker.metrics.automatic import AutomaticLimits
from worker.metrics.beats import BeatSender
from worker.metrics.minutely import Minutely
from worker.metrics.recorder import Recorder

KEYS = Keys("beats")


def beat(number: int) -> WorkerBeat:
    return WorkerBeat(
        worker="w@here", pid=number, at=time.time(), started_at=1.0, interval_seconds=5.0, queues=()
    )


@pytest.fixture
def recorder(private_valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    monkeypatch.setattr("worker.metrics.recorder.AWAY_SECONDS", 0.1)
    return Recorder(lambda: (private_valkey.url, KEYS), "w@here", 5)


@pytest.fixture
def sender(recorder: Recorder) -> BeatSender:
    app = Celery("beats", broker="memory://", set_as_current=False)
    return BeatSender(recorder, Minutely(app, recorder), AutomaticLimits(recorder))


def told(client: redis.Redis) -> int:
    """The number of the beat that Redis has; 0: none."""
    text = client.get(KEYS.worker("w@here"))
    return load(WorkerBeat, text).pid if isinstance(text, bytes) else 0


def test_redis_that_hangs_holds_nobody_up(
    private_valkey: ValkeyServer, recorder: Recorder, sender: BeatSender
) -> None:
    private_valkey.freeze()
    try:
        for number in range(1, 6):
            sender.send(beat(number))
        # Had one of them waited for Redis, it would have failed by now.
        assert not recorder._away
    finally:
        private_valkey.thaw()
    with private_valkey.client() as client:
        wait_until(lambda: told(client) == 5, what="the newest beat has come")
        wait_until(lambda: sender.is_idle, what="it is done")
        recorder.flush()
        raw = client.hget(KEYS.metrics_totals, "recorder|beat_us")
        assert isinstance(raw, bytes)
        assert int(raw) > 0


def test_redis_that_is_away_is_told_once(
    private_valkey: ValkeyServer,
    recorder: Recorder,
    sender: BeatSender,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    private_valkey.kill()
    for number in range(1, 4):
        sender.send(beat(number))
        wait_until(lambda: sender.is_idle, what="it was tried")
    assert caplog.text.count("metrics are not written, tasks go on") == 1
    assert [r.levelname for r in caplog.records if r.levelno >= logging.WARNING] == ["WARNING"]
    private_valkey.start()
    wait_until(lambda: "metrics are written again" in caplog.text, what="it says that all is well")
    sender.send(beat(4))
    with private_valkey.client() as client:
        wait_until(lambda: told(client) == 4, what="a beat has come")
        raw = client.hget(KEYS.metrics_totals, "recorder|dropped_beats")
        assert raw == b"3"


def test_no_beat_follows_the_end(
    private_valkey: ValkeyServer, recorder: Recorder, sender: BeatSender
) -> None:
    with private_valkey.client() as client:
        sender.send(beat(1))
        sender.close("w@here", time.time())
        assert told(client) == 0
        assert client.zcard(KEYS.workers) == 0


def test_a_worker_works_on_while_the_redis_of_its_metrics_hangs(
    foreign_server: ValkeyServer,
    redis_client: redis.Redis,
    private_valkey: ValkeyServer,
    tmp_path: Path,
) -> None:
    with (
        private_valkey.client() as metrics,
        foreign_worker(
            foreign_server, tmp_path, "-c", "1", FOREIGN_METRICS=private_valkey.url
        ) as worker,
    ):
        foreign.echo.delay("before")
        wait_counted(metrics, "echo", "success", 1)
        private_valkey.freeze()
        try:
            for number in range(30):
                foreign.echo.delay(number)
            wait_until(lambda: redis_client.llen("foreign") + redis_client.hlen("unacked") == 0)
            wait_until(lambda: "metrics are not written" in worker.text(), what="it says so")
        finally:
            private_valkey.thaw()
        wait_counted(metrics, "echo", "success", 31)
        lines = [line for line in worker.text().splitlines() if "WARNING/MainProcess" in line]
        assert sum("metrics are not written" in line for line in lines) <= 1
        assert "heartbeat" not in worker.text()
        field = f"task|{PREFIX}echo|success"
        assert metrics.hget(Keys().metrics_totals, field) == b"31"
