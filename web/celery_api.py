"""The JSON API of tasks, workers and queues of any Celery application: paths of its document.

Every answer comes from what is known already: no worker is ever asked.
"""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response

from web.celery_views import (
    health_json,
    queues_json,
    summary_json,
    task_json,
    tasks_json,
    workers_json,
)
from web.errors import ApiResponse
from web.health import Health, verdict
from web.metrics.measured import Depth, Measured
from web.operations import PREFIX, Operation, Parameter
from web.refusal import RefusedError
from web.schemas import FLAG, TEXT
from web.services import services
from web.settings import LANGUAGES
from web.state import State

ACTOR = "api"
BASE = f"{PREFIX}/celery"


async def tasks_status(request: Request) -> Response:
    """Tasks that workers have in their hands."""
    return ApiResponse(tasks_json(await _state(request)))


async def task_status(request: Request) -> Response:
    """One task."""
    await _state(request)
    task_id = request.path_params["task_id"]
    return ApiResponse(task_json(await services(request).celery_tasks.find(task_id)))


async def revoke_task(request: Request) -> Response:
    """Take a task back."""
    terminate = _flag(request, "terminate")
    await _state(request)
    task_id = request.path_params["task_id"]
    revoked = await services(request).celery_tasks.revoke(task_id, terminate=terminate, actor=ACTOR)
    document = {
        "task_id": task_id,
        "state": revoked.record.state,
        "terminate": terminate,
        "message": revoked.message,
    }
    return ApiResponse(document, 202)


async def workers_status(request: Request) -> Response:
    """All workers."""
    return ApiResponse(workers_json(await _state(request)))


async def queues_status(request: Request) -> Response:
    """All queues."""
    return ApiResponse(queues_json(*await _reading(request, Depth.QUEUES)))


async def metrics_summary(request: Request) -> Response:
    """Everything in short."""
    return ApiResponse(summary_json(*await _reading(request, Depth.TOTALS)))


async def health(request: Request) -> Response:
    """How workers, queues and broker are: 503 when no work is done."""
    language = request.query_params.get("lang", LANGUAGES[0])
    if language not in LANGUAGES:
        raise RefusedError(422, "invalid_lang", f"lang: one of {', '.join(LANGUAGES)} is needed.")
    parts = services(request)
    found = verdict(await parts.monitor.read(Depth.QUEUES))
    status = 503 if found.health is Health.UNHEALTHY else 200
    return ApiResponse(health_json(found, time.time(), parts.renderer.teller(language)), status)


async def _state(request: Request) -> State:
    """What the beats of workers tell.  Raises RefusedError 503."""
    state = await services(request).hub.fresh_state()
    if not state.redis_ok:
        raise _away(state.redis_error)
    return state


async def _reading(request: Request, depth: Depth) -> tuple[State, Measured]:
    """What was counted as well.  Raises RefusedError 503."""
    reading = await services(request).monitor.read(depth)
    if reading.measured is None:
        raise _away(reading.error)
    return reading.state, reading.measured


def _away(cause: str) -> RefusedError:
    return RefusedError(503, "redis_unavailable", f"Redis cannot be used. {cause}")


def _flag(request: Request, name: str) -> bool:
    """A query parameter that is true or false, false without it.  Raises RefusedError 422."""
    text = request.query_params.get(name, "false")
    if text not in ("true", "false"):
        raise RefusedError(422, f"invalid_{name}", f"{name}: true or false is needed.")
    return text == "true"


_AWAY = {503: "Error"}
OPERATIONS = (
    Operation(
        "GET",
        f"{BASE}/tasks/status",
        "tasksStatus",
        "Tasks that run, are held by a worker, or wait there for their time.",
        tasks_status,
        {200: "TasksStatus", **_AWAY},
    ),
    Operation(
        "GET",
        f"{BASE}/tasks/{{task_id}}/status",
        "taskStatus",
        "One task; the newest 3,000 are known, and those whose result is kept.",
        task_status,
        {200: "TaskStatus", 404: "Error", **_AWAY},
    ),
    Operation(
        "POST",
        f"{BASE}/tasks/{{task_id}}/revoke",
        "revokeTask",
        "Take back a task that has not ended. Workers are told and do not answer; `message` says "
        "what comes of it.",
        revoke_task,
        {202: "RevokedTask", 403: "Error", 404: "Error", 409: "Error", 422: "Error", **_AWAY},
        (Parameter("terminate", FLAG | {"default": False}, "End it even while it runs."),),
    ),
    Operation(
        "GET",
        f"{BASE}/workers/status",
        "workersStatus",
        "Workers that beat, and those that were silent for less than 10 minutes.",
        workers_status,
        {200: "WorkersStatus", **_AWAY},
    ),
    Operation(
        "GET",
        f"{BASE}/queues/status",
        "queuesStatus",
        "Messages that wait, all priorities together, and those handed out.",
        queues_status,
        {200: "QueuesStatus", **_AWAY},
    ),
    Operation(
        "GET",
        f"{BASE}/metrics/summary",
        "metricsSummary",
        "Workers, tasks by name with their times, and queues, in short.",
        metrics_summary,
        {200: "MetricsSummary", **_AWAY},
    ),
    Operation(
        "GET",
        f"{BASE}/health",
        "celeryHealth",
        "Whether workers, queues and broker are well, and if not, why; 503: no work is done.",
        health,
        {200: "CeleryHealth", 422: "Error", 503: "CeleryHealth"},
        (Parameter("lang", TEXT | {"enum": list(LANGUAGES)}, "Language of the sentences."),),
    ),
)
