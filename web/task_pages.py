"""The page of tasks: what runs, what became of the newest, and how each kind does."""

from __future__ import annotations

import math
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from web.library_pages import page_number
from web.metrics.measured import Depth, Measured
from web.pages import ACTOR, form_of
from web.preferences import page_response
from web.recent_tasks import LOOKED_AT, STATES
from web.services import services
from wire.metrics import FAILURE, RETRY, SUCCESS, Histogram

PAGE_ROWS = 50
#: Kinds of tasks on the page, those that ran most; `/metrics` has them all.
KINDS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of task has done, ever since measuring began."""

    name: str
    succeeded: int
    failed: int
    retried: int
    runs: Histogram  #: that ended well or failed
    waits: Histogram


async def tasks(request: Request) -> Response:
    """`GET /tasks`: `?state=`, `?q=` (in name, id, exception) and `?page=`."""
    parts, query = services(request), request.query_params
    state, name = query.get("state", ""), query.get("q", "").strip()
    state = state if state in STATES else ""
    reading = await parts.monitor.read(Depth.TOTALS)
    page = page_number(request)
    listed = await parts.recent_tasks.page(
        state=state, name=name, offset=(page - 1) * PAGE_ROWS, limit=PAGE_ROWS
    )
    return page_response(
        request,
        "tasks.html",
        reading.state,
        kinds=kinds(reading.measured) if reading.measured else (),
        tasks=listed.rows,
        total=listed.total,
        looked_at=LOOKED_AT,
        states=STATES,
        chosen=state,
        q=name,
        page=page,
        pages=max(math.ceil(listed.total / PAGE_ROWS), 1),
    )


async def revoke(request: Request) -> Response:
    """`POST /tasks/{task_id}/revoke`: field `terminate`, to end it even while it runs."""
    form = await form_of(request)
    task_id = request.path_params["task_id"]
    await services(request).celery_tasks.revoke(task_id, terminate="terminate" in form, actor=ACTOR)
    return RedirectResponse("/tasks", 303)


def kinds(measured: Measured) -> tuple[Kind, ...]:
    """Kinds of tasks, those with most failures first, then those that ran most."""
    totals = measured.totals
    names = {task for task, _ in totals.tasks}
    waits: dict[str, Histogram] = {}
    for (task, _), histogram in totals.waits.items():
        waits[task] = waits.get(task, Histogram()) + histogram

    def kind(name: str) -> Kind:
        runs = [totals.durations.get((name, s), Histogram()) for s in (SUCCESS, FAILURE)]
        succeeded, failed, retried = (
            totals.tasks.get((name, status), 0) for status in (SUCCESS, FAILURE, RETRY)
        )
        together = runs[0] + runs[1]
        return Kind(name, succeeded, failed, retried, together, waits.get(name, Histogram()))

    found = sorted(map(kind, names), key=lambda k: (-k.failed, -k.runs.count, k.name))
    return tuple(found[:KINDS_SHOWN])
