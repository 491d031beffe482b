"""`GET /api/v1/openapi.json`: OpenAPI 3.1, made from the operations themselves."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from web.access import Access
from web.access_schemas import ACCESS_SCHEMAS
from web.alerts.schemas import SCHEMAS as ALERT_SCHEMAS
from web.api import OPERATIONS
from web.celery_schemas import CELERY_SCHEMAS
from web.errors import ApiResponse
from web.operations import Operation
from web.schemas import SCHEMAS, TEXT
from web.services import services
from web.size_schemas import SIZE_SCHEMAS
from web.trend_pages import SCHEMAS as TREND_SCHEMAS
from web.visitor import SESSION_COOKIE

API_VERSION = "1"

_SCHEMES = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "`needle tokens create --scope read|operate` makes one.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "The cookie of a browser that has signed in.",
    },
}
#: What may go wrong before an operation is asked at all.
_REFUSALS = {
    Access.PUBLIC: {},
    Access.VIEWER: {401: "Error"},
    Access.OPERATOR: {401: "Error", 403: "Error"},
    Access.OWNER: {401: "Error", 403: "Error"},
}

_HEADINGS = {
    200: "Done",
    201: "Made",
    202: "Accepted",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not there",
    409: "Not possible now",
    413: "Too large",
    415: "Not JSON",
    422: "Not understood",
    503: "Redis is away, or not ready",
}


async def openapi(request: Request) -> Response:
    """The document."""
    return ApiResponse(document(secured=services(request).identity is not None))


def document(*, secured: bool = True) -> dict[str, Any]:
    """The OpenAPI document of all operations; `secured`: people and programs sign in."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _describe(
            operation, secured=secured
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Needle",
            "version": API_VERSION,
            "summary": "Scans of your music folders, and how they go.",
        },
        "paths": paths,
        "components": {
            "schemas": SCHEMAS
            | SIZE_SCHEMAS
            | ALERT_SCHEMAS
            | CELERY_SCHEMAS
            | TREND_SCHEMAS
            | ACCESS_SCHEMAS,
            "securitySchemes": _SCHEMES,
        },
    }


def _describe(operation: Operation, *, secured: bool) -> dict[str, Any]:
    access = operation.access
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": TEXT}
        for name in re.findall(r"{(\w+)}", operation.path)
    ]
    in_query = [
        {"name": p.name, "in": "query", "schema": p.schema, "description": p.help}
        for p in operation.parameters
    ]
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.help,
        "parameters": in_path + in_query,
        "responses": {
            str(status): {"description": _HEADINGS[status], "content": _content(shape)}
            for status, shape in sorted((_REFUSALS[access] | operation.answers).items())
        },
        "security": [{name: []} for name in _SCHEMES] if access and secured else [],
        "x-needle-role": access.name.lower(),
    }
    if operation.body:
        described["requestBody"] = {"required": True, "content": _content(operation.body)}
    return described


def _content(shape: str) -> dict[str, Any]:
    """The content of a schema's name, or of a media type."""
    if "/" in shape:
        return {shape: {"schema": TEXT}}
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{shape}"}}}
