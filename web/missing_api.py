"""The JSON API of missing files: what would be forgotten, and forgetting it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from web import schemas
from web.errors import ApiResponse
from web.missing import count_of, days_of
from web.operations import PREFIX, Operation, Parameter, json_body
from web.refusal import RefusedError
from web.services import services
from web.views import iso
from web.visitor import visitor_in
from wire.missing import DAYS_MAX, MissingFiles

ACTOR = "api"


async def list_missing(request: Request) -> Response:
    """What a purge would delete."""
    query = request.query_params
    root_id, days = query.get("root", ""), days_of(query.get("older_than_days"))
    found = await services(request).missing.preview(root_id, days)
    return ApiResponse(_json(found, root_id, days))


async def purge_missing(request: Request) -> Response:
    """Delete it from the catalog."""
    body = await json_body(request)
    root = body.get("root")
    if not (root is None or isinstance(root, str)):
        raise RefusedError(422, "invalid_root", "root: a text is needed.")
    root, days = root or "", days_of(_no_text(body.get("older_than_days", 0)))
    expected = count_of(body.get("expected"))
    if expected is None or isinstance(body["expected"], str):
        raise RefusedError(422, "invalid_expected", "expected: a number of files is needed.")
    found = await services(request).missing.purge(
        root, days, expected, visitor_in(request.scope).named(ACTOR)
    )
    return ApiResponse(_json(found, root, days), 202)


def _no_text(value: object) -> object:
    """What a query writes as text is a number in JSON."""
    return -1 if value is None or isinstance(value, str) else value


def _json(found: MissingFiles, root_id: str, days: int) -> dict[str, Any]:
    first = [asdict(file) | {"missing_since": iso(file.missing_since)} for file in found.first]
    return asdict(found) | {
        "root": root_id or None,
        "older_than_days": days,
        "oldest": iso(found.oldest),
        "newest": iso(found.newest),
        "first": first,
    }


OPERATIONS = (
    Operation(
        "GET",
        f"{PREFIX}/missing",
        "listMissing",
        "Files that were scanned once and are gone: what forgetting them would delete from the "
        "catalog, and the first 50 of them, longest missing first.",
        list_missing,
        {200: "Missing", 404: "Error", 422: "Error", 503: "Error"},
        (
            Parameter("root", schemas.ROOT_ID_OR_ALL, "Id of a music folder; left out: all."),
            Parameter(
                "older_than_days",
                schemas.whole_number(0, DAYS_MAX, 0),
                "Only what is missing for so many days.",
            ),
        ),
    ),
    Operation(
        "POST",
        f"{PREFIX}/missing/purge",
        "purgeMissing",
        "Forget missing files: delete them from the catalog, with their tracks and what is left "
        "empty. Nothing on disk is touched. 409: other files are missing than `expected`, or a "
        "folder is being scanned.",
        purge_missing,
        {
            202: "Missing",
            403: "Error",
            404: "Error",
            409: "Error",
            413: "Error",
            415: "Error",
            422: "Error",
            503: "Error",
        },
        body="PurgeRequest",
    ),
)
