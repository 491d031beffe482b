"""Measuring any Celery application at the source: `install(app)`, and what else is public.

Signals fill a tally in memory, a thread of each process flushes it to Redis once a second, the
page and the terminal read it there.  Nothing here knows the worker's other rooms.
"""

from __future__ import annotations

from worker.metrics.domain import count, gauge, observe, training, tuning
from worker.metrics.installing import Metrics, install, start_global_monitor
from worker.metrics.seed import (
    auto_configure_celery_limits,
    get_size_summary,
    measure_celery_task_size,
    measure_json_size,
    reset_metrics,
    update_size_metrics,
)
from worker.metrics.summary import get_celery_metrics_summary

#: The name that the monitoring guide uses.
setup_celery_metrics = install

__all__ = [
    "Metrics",
    "auto_configure_celery_limits",
    "count",
    "gauge",
    "get_celery_metrics_summary",
    "get_size_summary",
    "install",
    "measure_celery_task_size",
    "measure_json_size",
    "observe",
    "reset_metrics",
    "setup_celery_metrics",
    "start_global_monitor",
    "training",
    "tuning",
    "update_size_metrics",
]
