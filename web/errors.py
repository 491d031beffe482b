"""How every error is answered: JSON for programs, a page for people, never a traceback."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Match, Route

from web.connection import cause
from web.login import login_path
from web.preferences import language_of, page_response
from web.refusal import RefusedError
from web.services import services

API_PREFIX = "/api/"
#: Nobody looks at what these answer; a page, or a way to one, would be taken for the answer.
FOR_PROGRAMS = frozenset({"/events", "/metrics"})


class ApiResponse(JSONResponse):
    """JSON that holds whatever text there is: lone surrogates become escapes."""

    def render(self, content: Any) -> bytes:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8", "backslashreplace")


def error_json(refusal: RefusedError, headers: Mapping[str, str] | None = None) -> ApiResponse:
    """The answer of the API to a request that is not done."""
    body = {"error": {"code": refusal.code, "message": refusal.message}}
    return ApiResponse(body, refusal.status, headers)


def describe(error: Exception) -> RefusedError:
    """What to answer for `error`."""
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, HTTPException):
        code = HTTPStatus(error.status_code).name.lower()
        return RefusedError(error.status_code, code, error.detail)
    if isinstance(error, RedisError):
        return RefusedError(503, "redis_unavailable", f"Redis cannot be used. {cause(error)}")
    return RefusedError(500, "internal_error", "Something went wrong inside Needle; see its log.")


def _methods(request: Request) -> set[str]:
    """What its path allows: several routes may have the same one."""
    routes = request.app.routes
    same = [r for r in routes if isinstance(r, Route) and r.matches(request.scope)[0] != Match.NONE]
    found = {method for route in same for method in route.methods or ()}
    return found or {"GET", "HEAD"}  # a mounted folder, in which paths are of its own


async def answer(request: Request, error: Exception) -> Response:
    """The answer to a request that failed."""
    refusal = describe(error)
    headers = dict(getattr(error, "headers", None) or {})
    if refusal.status in (429, 503):
        headers["Retry-After"] = "5"
    if refusal.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="needle"'
    if refusal.status == 405:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    path = request.url.path
    if path.startswith(API_PREFIX):
        return error_json(refusal, headers)
    if path in FOR_PROGRAMS:
        return PlainTextResponse(refusal.message, refusal.status, headers)
    if refusal.status == 401 and request.method in ("GET", "HEAD"):
        return RedirectResponse(login_path(request), 303)
    parts, language = services(request), language_of(request)
    response = page_response(
        request,
        "error.html",
        parts.hub.state(),
        refusal.status,
        title=parts.renderer.translate(HTTPStatus(refusal.status).phrase, language),
        message=parts.renderer.translate(refusal.message, language),
    )
    response.headers.update(headers)
    return response
