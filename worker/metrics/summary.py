"""One answer about workers, tasks and queues for programs: `get_celery_metrics_summary(app)`."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from celery import Celery

from wire.metrics import read_totals
from worker.metrics.installing import install
from worker.metrics.minutely import Minutely


def get_celery_metrics_summary(app: Celery) -> dict[str, Any]:
    """Workers and tasks as Redis knows them now; never a broadcast to workers.

    `["workers"]`: `total` and one entry a worker.  `["tasks"]`: `active`, `reserved`, `scheduled`
    now, and everything ever counted by status.  `["queues"]`: waiting messages.  Raises what
    redis-py raises.
    """
    metrics = install(app)
    metrics.recorder.flush()
    look = Minutely(app, metrics.recorder)
    beats = look.beats()
    totals = read_totals(_hgetall(metrics.recorder))
    counted: Counter[str] = Counter()
    for (_, status), number in totals.tasks.items():
        counted[status] += number
    return {
        "timestamp": time.time(),
        "workers": {
            "total": len(beats),
            "active": sum(beat.busy > 0 for beat in beats),
            "pool_size": sum(beat.processes for beat in beats),
            "workers": [
                {
                    "name": beat.worker,
                    "pool": {"max_concurrency": beat.processes, "busy_workers": beat.busy},
                    "prefetch_count": beat.prefetch,
                    "rss_bytes": beat.rss_bytes,
                    "cpu_percent": beat.cpu_percent,
                }
                for beat in beats
            ],
        },
        "tasks": {
            "active": sum(beat.busy for beat in beats),
            "reserved": sum(beat.reserved for beat in beats),
            "scheduled": sum(beat.scheduled for beat in beats),
            **counted,
        },
        "queues": look.depths({queue for beat in beats for queue in beat.queues}),
    }


def _hgetall(recorder: Any) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = recorder.client.hgetall(recorder.keys.metrics_totals)
    return found
