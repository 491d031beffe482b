"""The page of message sizes, and its forms: they need no JavaScript."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from web import size_charts
from web.missing import count_of
from web.pages import ACTOR, form_of
from web.preferences import page_response
from web.services import services
from web.sizes import limit_of
from wire.json_errors import NESTED, explain
from wire.size_alerts import size_alerts
from wire.sizes import DEFAULT_CEILING, HIGHEST_LIMIT

#: Kinds of tasks on the page; the API has them all.
TASKS_SHOWN = 50
ALERTS_SHOWN = 10


async def sizes(request: Request) -> Response:
    """`GET /sizes`: the report, its answer first."""
    parts = services(request)
    report = await parts.sizes.report()
    return page_response(
        request,
        "sizes.html",
        parts.hub.state(),
        report=report,
        alerts=size_alerts(report)[:ALERTS_SHOWN],
        tasks=report.tasks[:TASKS_SHOWN],
        charts=size_charts,
        scale=size_charts.scale_of(report),
        ceiling=report.in_force.ceiling or DEFAULT_CEILING,
        highest=HIGHEST_LIMIT,
        nested=NESTED,
        explain=explain,
    )


async def set_limits(request: Request) -> Response:
    """`POST /sizes/limits`: fields `args`, `kwargs`, in characters."""
    form = await form_of(request)
    args, kwargs = (limit_of(name, count_of(form.get(name))) for name in ("args", "kwargs"))
    await services(request).sizes.set_limits(args, kwargs, ACTOR)
    return _back()


async def undo(request: Request) -> Response:
    """`POST /sizes/undo`"""
    await services(request).sizes.undo(ACTOR)
    return _back()


async def set_automatic(request: Request) -> Response:
    """`POST /sizes/automatic`: field `on`, if it is to be on, and `ceiling`, in characters."""
    form = await form_of(request)
    ceiling = limit_of("ceiling", count_of(form.get("ceiling", str(DEFAULT_CEILING))))
    await services(request).sizes.set_automatic("on" in form, ceiling, ACTOR)
    return _back()


async def reset(request: Request) -> Response:
    """`POST /sizes/reset`"""
    await services(request).sizes.reset(ACTOR)
    return _back()


def _back() -> Response:
    return RedirectResponse("/sizes", 303)
