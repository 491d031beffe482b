"""The shapes of tasks, workers, queues and health in the API, as JSON Schema 2020-12."""

from __future__ import annotations

from web.health import Health
from web.schemas import (
    COUNT,
    COUNT_OR_NULL,
    FLAG,
    NUMBER_OR_NULL,
    TEXT,
    TIME_OR_NULL,
    Schema,
    list_of,
    object_of,
)

_BY_NAME: Schema = {"type": "object", "additionalProperties": COUNT_OR_NULL}
_COUNTS: Schema = {"type": "object", "additionalProperties": COUNT}
#: Whatever the application made its result.
_ANYTHING: Schema = {}

_POOL = object_of(max_concurrency=COUNT, busy_workers=COUNT)
_QUEUE = object_of(
    name=TEXT,
    length=COUNT_OR_NULL,
    consumers=COUNT,
    processes=COUNT,
    oldest_seconds=NUMBER_OR_NULL,
    growth_per_second=NUMBER_OR_NULL,
    memory_bytes=COUNT_OR_NULL,
)

CELERY_SCHEMAS: dict[str, Schema] = {
    "TasksStatus": object_of(
        timestamp=TIME_OR_NULL,
        summary=object_of(active=COUNT, reserved=COUNT, scheduled=COUNT, total_pending=COUNT),
        active_tasks=list_of(
            object_of(worker=TEXT, task_id=TEXT, task_name=TEXT, time_start=NUMBER_OR_NULL)
        ),
        workers=list_of(TEXT),
    ),
    "TaskStatus": object_of(
        task_id=TEXT,
        state=TEXT,
        ready=FLAG,
        successful=FLAG,
        result=_ANYTHING,
        error=TEXT,
        task_name=TEXT,
        worker=TEXT,
        queue=TEXT,
        retries=COUNT,
        sent_at=TIME_OR_NULL,
        started_at=TIME_OR_NULL,
        finished_at=TIME_OR_NULL,
        runtime_seconds=NUMBER_OR_NULL,
    ),
    "RevokedTask": object_of(task_id=TEXT, state=TEXT, terminate=FLAG, message=TEXT),
    "WorkersStatus": object_of(
        timestamp=TIME_OR_NULL,
        total_workers=COUNT,
        workers=list_of(
            object_of(
                name=TEXT,
                status={"type": "string", "enum": ["online", "silent"]},
                pool=_POOL,
                prefetch_count=COUNT,
            )
        ),
    ),
    "QueuesStatus": object_of(
        timestamp=TIME_OR_NULL,
        total_pending=COUNT,
        in_flight=COUNT_OR_NULL,
        oldest_in_flight_seconds=NUMBER_OR_NULL,
        queues=list_of(_QUEUE),
    ),
    "MetricsSummary": object_of(
        timestamp=TIME_OR_NULL,
        workers=object_of(
            total=COUNT,
            active=COUNT,
            pool_size=COUNT,
            pool_busy=COUNT,
            memory_bytes=COUNT,
        ),
        tasks=object_of(
            active=COUNT,
            reserved=COUNT,
            scheduled=COUNT,
            total=_COUNTS,
            by_name={
                "type": "object",
                "additionalProperties": object_of(
                    total=_COUNTS,
                    failures_per_minute=NUMBER_OR_NULL,
                    mean_seconds=NUMBER_OR_NULL,
                    p50_seconds=NUMBER_OR_NULL,
                    p95_seconds=NUMBER_OR_NULL,
                    p99_seconds=NUMBER_OR_NULL,
                ),
            },
        ),
        queues=_BY_NAME,
        in_flight=COUNT_OR_NULL,
    ),
    "CeleryHealth": object_of(
        status={"type": "string", "enum": [health.value for health in Health]},
        message=TEXT,
        workers=COUNT,
        broker_connected=FLAG,
        timestamp=TIME_OR_NULL,
        reasons=list_of(
            object_of(
                code=TEXT,
                status={"type": "string", "enum": ["degraded", "unhealthy"]},
                message=TEXT,
            )
        ),
    ),
}
