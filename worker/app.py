"""The Celery application: `celery -A worker.app worker` finds `app` here.

What is set here, and what is deliberately not, follows measurements: see docs/architecture.md.
"""

from __future__ import annotations

from typing import Any

from wire.transport import SOCKET_TIMEOUT_SECONDS, broker_url, celery_settings
from worker.garbage import look_less_often
from worker.metrics import install
from worker.parent import die_with_main_process
from worker.prepare import migrate_at_start
from worker.priority import give_way
from worker.services import NeedleApp, Services
from worker.settings import WorkerSettings, read_settings
from worker.steward import Steward
from worker.trouble import tell_troubles

#: KiB of peak memory after which a pool process is replaced: 512 MB.
MAX_MEMORY_PER_CHILD_KIB = 512 * 1024
MAX_TASKS_PER_CHILD = 500


def worker_settings(settings: WorkerSettings) -> dict[str, Any]:
    """The Celery settings of a worker, over those it shares with producers."""
    return {
        "include": ["worker.stages.scan", "worker.stages.extract", "worker.stages.batch",
                    "worker.stages.insert", "worker.stages.library",
                    "worker.stages.maintenance"],
        "result_backend": broker_url(settings.shared.redis_url),
        "result_expires": 3600,
        "redis_socket_timeout": SOCKET_TIMEOUT_SECONDS,
        "redis_socket_connect_timeout": 5,
        # A message is acknowledged when its task has ended, and comes back when the process died.
        # That is safe only because the catalog's journal counts the attempts of every batch.
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "worker_disable_prefetch": True,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_concurrency": settings.processes,
        "worker_max_memory_per_child": MAX_MEMORY_PER_CHILD_KIB,
        "worker_max_tasks_per_child": MAX_TASKS_PER_CHILD,
        "worker_consumer": "worker.consumer:Consumer",
        # A Pi under load needs more than the default 4 s to start a process.
        "worker_proc_alive_timeout": 30.0,
        "worker_lost_wait": 2.0,
        "worker_send_task_events": False,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_pool_limit": 2,
        "timezone": settings.timezone.key,
        "enable_utc": True,
    }  # fmt: skip


def create_app(settings: WorkerSettings) -> NeedleApp:
    """The application for `settings`."""
    app = NeedleApp("needle")
    app.conf.update(celery_settings(settings.shared.redis_url) | worker_settings(settings))
    app.services = Services(settings)
    install(app, redis_url=settings.shared.redis_url, key_prefix=settings.shared.key_prefix)
    app.steps["consumer"].add(Steward)
    migrate_at_start(app.services)
    tell_troubles(app.services)
    die_with_main_process()
    look_less_often()
    if settings.nice:
        give_way()
    return app


app = create_app(read_settings())
