"""The JSON API of message sizes: the report, and the limits of what Celery shows."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from web.errors import ApiResponse
from web.operations import PREFIX, Operation, Parameter, json_body
from web.refusal import RefusedError
from web.services import services
from web.settings import LANGUAGES
from web.size_views import limits_json, report_json
from web.sizes import limit_of
from wire.payloads import DEFAULT_LIMITS, SizeLimits
from wire.size_text import report_lines
from wire.sizes import DEFAULT_CEILING

ACTOR = "api"


async def read_sizes(request: Request) -> Response:
    """The report."""
    return ApiResponse(report_json(await services(request).sizes.report()))


async def print_sizes(request: Request) -> Response:
    """The report as `needle sizes` prints it."""
    language = request.query_params.get("lang", LANGUAGES[0])
    if language not in LANGUAGES:
        raise RefusedError(422, "invalid_lang", f"lang: one of {', '.join(LANGUAGES)} is needed.")
    parts = services(request)
    tell = parts.renderer.teller(language)
    lines = [tell(line) for line in report_lines(await parts.sizes.report())]
    text = "\n".join([*lines, ""]).encode("utf-8", "backslashreplace")
    return PlainTextResponse(text)


async def reset_sizes(request: Request) -> Response:
    """Measure anew."""
    sizes = services(request).sizes
    await sizes.reset(ACTOR)
    return ApiResponse(report_json(await sizes.report()))


async def read_limits(request: Request) -> Response:
    """The limits in force."""
    return ApiResponse(limits_json(await services(request).sizes.limits()))


async def set_limits(request: Request) -> Response:
    """Set the limits, or switch automatic mode."""
    body, sizes = await json_body(request), services(request).sizes
    if "automatic" in body:
        on, ceiling = _automatic(body)
        return ApiResponse(limits_json(await sizes.set_automatic(on, ceiling, ACTOR)))
    if "ceiling" in body or not {"args", "kwargs"} & body.keys():
        raise RefusedError(422, "invalid_limits", "args, kwargs, or automatic is needed.")
    now: SizeLimits = await sizes.limits() or DEFAULT_LIMITS
    args = limit_of("args", body.get("args", now.args))
    kwargs = limit_of("kwargs", body.get("kwargs", now.kwargs))
    return ApiResponse(limits_json(await sizes.set_limits(args, kwargs, ACTOR)))


async def undo_limits(request: Request) -> Response:
    """Bring back the limits before the last change."""
    return ApiResponse(limits_json(await services(request).sizes.undo(ACTOR)))


def _automatic(body: dict[str, Any]) -> tuple[bool, int]:
    """Whether automatic mode is wanted, and its ceiling.  Raises RefusedError."""
    if {"args", "kwargs"} & body.keys():
        raise RefusedError(422, "invalid_limits", "Either limits or automatic, not both.")
    on = body["automatic"]
    if not isinstance(on, bool):
        raise RefusedError(422, "invalid_automatic", "automatic: true or false is needed.")
    return on, limit_of("ceiling", body.get("ceiling", DEFAULT_CEILING))


_CHANGES = {403: "Error", 409: "Error", 503: "Error"}
OPERATIONS = (
    Operation(
        "GET",
        f"{PREFIX}/sizes",
        "readSizes",
        "How large the arguments of each kind of task are, how many were cut when they were shown, "
        "and which limit to set.",
        read_sizes,
        {200: "Sizes", 503: "Error"},
    ),
    Operation(
        "GET",
        f"{PREFIX}/sizes.txt",
        "printSizes",
        "The same as text, as `needle sizes` prints it.",
        print_sizes,
        {200: "text/plain", 422: "Error", 503: "Error"},
        (Parameter("lang", {"type": "string", "enum": list(LANGUAGES)}, "Its language."),),
    ),
    Operation(
        "DELETE",
        f"{PREFIX}/sizes",
        "resetSizes",
        "Measure anew. What was measured by day is kept, and so are the limits.",
        reset_sizes,
        {200: "Sizes", **_CHANGES},
    ),
    Operation(
        "GET",
        f"{PREFIX}/sizes/limits",
        "readSizeLimits",
        "The limits in force for `argsrepr` and `kwargsrepr`, who set them and when.",
        read_limits,
        {200: "SizeLimits", 503: "Error"},
    ),
    Operation(
        "PUT",
        f"{PREFIX}/sizes/limits",
        "setSizeLimits",
        "Set the limits: in force in every running process within 5 s. What is left out stays as "
        "it is. `automatic` alone switches automatic mode.",
        set_limits,
        {200: "SizeLimits", **_CHANGES, 413: "Error", 415: "Error", 422: "Error"},
        body="SizeLimitsRequest",
    ),
    Operation(
        "DELETE",
        f"{PREFIX}/sizes/limits",
        "undoSizeLimits",
        "Undo the last change of the limits. 409: there is none.",
        undo_limits,
        {200: "SizeLimits", **_CHANGES},
    ),
)
