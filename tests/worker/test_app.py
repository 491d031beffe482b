"""The Celery application: every task has a queue, every setting is one that Celery knows."""

from __future__ import annotations

from pathlib import Path

import pytest
from celery.app import defaults
from kombu.transport.redis import Channel

from wire.names import QUEUE_NAMES, URGENT_TASKS
from wire.transport import (
    LONGEST_HARD_LIMIT_SECONDS,
    VISIBILITY_TIMEOUT_SECONDS,
    celery_settings,
)
from worker.app import create_app, worker_settings
from worker.services import NeedleApp
from worker.settings import read_settings


@pytest.fixture(scope="module")
def app() -> NeedleApp:
    app = create_app(read_settings({"NEEDLE_DATA": str(Path.cwd())}))
    app.loader.import_default_modules()
    return app


def queue_of(app: NeedleApp, name: str) -> str:
    route = app.amqp.router.route({}, name)
    return str(route["queue"].name)


def needle_tasks(app: NeedleApp) -> list[str]:
    return [name for name in app.tasks if not name.startswith("celery.")]


def test_every_task_routes_to_a_declared_queue(app: NeedleApp) -> None:
    assert len(needle_tasks(app)) >= 7
    for name in needle_tasks(app):
        assert queue_of(app, name) in QUEUE_NAMES
        assert queue_of(app, name) != app.conf.task_default_queue, f"{name} has no route"


@pytest.mark.parametrize(
    ("name", "queue"),
    [
        ("scan.discovery", "scan"),
        ("metadata.extract_batch", "extract"),
        ("batch.process_entities", "batch"),
        ("insert.direct_batch", "insert"),
        ("maintenance.backup", "maintenance"),
        ("scan_directory_parallel", "scan"),
        ("scan_directory_chunk", "scan"),
        ("scan_single_file", "scan"),
        ("extract_metadata_batch", "extract"),
        ("extract_audio_features_batch", "extract"),
        ("batch_entities", "batch"),
        ("group_by_artist", "batch"),
        ("prepare_insertion_batch", "batch"),
        ("insert_batch_direct", "insert"),
        ("insert_covers_batch", "insert"),
        ("enrich_artist", "deferred"),
        ("vectorize_track", "deferred"),
        ("cleanup_old", "deferred"),
    ],
)
def test_known_names_reach_their_queue(app: NeedleApp, name: str, queue: str) -> None:
    assert queue_of(app, name) == queue


def test_urgent_tasks_overtake_everything(app: NeedleApp) -> None:
    for name in URGENT_TASKS:
        assert app.amqp.router.route({}, name)["priority"] == 0
    for name in set(needle_tasks(app)) - set(URGENT_TASKS):
        assert app.amqp.router.route({}, name)["priority"] > 0


def test_celery_knows_every_setting(app: NeedleApp) -> None:
    known = {key for key, _ in defaults.flatten(defaults.NAMESPACES)}
    settings = read_settings({"NEEDLE_DATA": str(Path.cwd())})
    ours = celery_settings(settings.shared.redis_url) | worker_settings(settings)
    assert set(ours) <= known
    assert {key: app.conf[key] for key in ours} == ours


def test_kombu_knows_every_transport_option(app: NeedleApp) -> None:
    assert set(app.conf.broker_transport_options) <= set(Channel.from_transport_options)


def test_no_task_outlives_the_visibility_timeout(app: NeedleApp) -> None:
    for name in needle_tasks(app):
        task = app.tasks[name]
        assert task.soft_time_limit < task.time_limit <= LONGEST_HARD_LIMIT_SECONDS, name
    assert VISIBILITY_TIMEOUT_SECONDS >= 3 * LONGEST_HARD_LIMIT_SECONDS


def test_only_json_is_accepted(app: NeedleApp) -> None:
    assert app.conf.accept_content == app.conf.result_accept_content == ["json"]


def test_child_memory_limit_is_in_kib(app: NeedleApp) -> None:
    assert app.conf.worker_max_memory_per_child == 512 * 1024


def test_messages_survive_their_process(app: NeedleApp) -> None:
    for name in needle_tasks(app):
        assert app.tasks[name].acks_late
        assert app.tasks[name].reject_on_worker_lost
