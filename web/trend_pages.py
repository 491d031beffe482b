"""The page of trends, and the same for programs."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response

from web.errors import ApiResponse
from web.operations import PREFIX, Operation, Parameter
from web.preferences import page_response
from web.refusal import RefusedError
from web.schemas import NUMBER_OR_NULL, TEXT, TIME_OR_NULL, Schema, list_of, object_of
from web.services import services
from web.trends import Chart, Span, charts
from web.views import iso
from wire.metrics import TrendPoint

SCHEMAS: dict[str, Schema] = {
    "Trends": object_of(
        span={"type": "string", "enum": [span.value for span in Span]},
        at=list_of(TIME_OR_NULL),
        charts=list_of(
            object_of(
                key=TEXT,
                unit=TEXT,
                lines=list_of(object_of(name=TEXT, values=list_of(NUMBER_OR_NULL))),
            )
        ),
    )
}


async def trends(request: Request) -> Response:
    """`GET /trends`: charts of the last hour, or with `?span=` of a week or a quarter."""
    span, points, drawn = await _charts(request)
    return page_response(
        request,
        "trends.html",
        services(request).hub.state(),
        span=span,
        spans=tuple(Span),
        first=points[0].at,
        charts=drawn,
    )


async def list_trends(request: Request) -> Response:
    """The points of all charts."""
    span, points, drawn = await _charts(request)
    return ApiResponse(
        {
            "span": span.value,
            "at": [iso(point.at) for point in points],
            "charts": [
                {
                    "key": chart.key,
                    "unit": chart.unit,
                    "lines": [
                        {"name": line.name, "values": list(line.values)} for line in chart.lines
                    ],
                }
                for chart in drawn
            ],
        }
    )


async def _charts(
    request: Request,
) -> tuple[Span, tuple[TrendPoint, ...], tuple[Chart, ...]]:
    text = request.query_params.get("span", Span.MINUTE)
    if text not in tuple(Span):
        raise RefusedError(422, "invalid_span", "span: minute, hour or day is needed.")
    span, now = Span(text), time.time()
    points = await services(request).trends.read(span, now)
    return span, points, charts(points, span, now)


OPERATIONS = (
    Operation(
        "GET",
        f"{PREFIX}/trends",
        "listTrends",
        "Throughput, failures, durations, waits, depth of queues, memory and CPU of workers over "
        "an hour (by the minute), a week (by the hour) or 90 days. `null`: nobody measured.",
        list_trends,
        {200: "Trends", 422: "Error", 503: "Error"},
        (
            Parameter(
                "span",
                {"type": "string", "enum": [s.value for s in Span], "default": Span.MINUTE.value},
                "What one point holds.",
            ),
        ),
    ),
)
