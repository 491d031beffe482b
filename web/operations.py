"""What an operation of the JSON API is, as data, and how its query parameters are read."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from web.access import Access, access_of
from web.refusal import RefusedError

PREFIX = "/api/v1"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter, with its JSON schema."""

    name: str
    schema: dict[str, Any]
    help: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing the API does.  `answers`: status -> name of a schema, or a media type."""

    method: str
    path: str
    name: str
    help: str
    endpoint: Callable[[Request], Awaitable[Response]]
    answers: dict[int, str]
    parameters: tuple[Parameter, ...] = ()
    body: str = ""

    @property
    def access(self) -> Access:
        """What it needs: a line in `web.access.TABLE`."""
        return access_of(self.method, self.path)


async def json_body(request: Request) -> dict[str, Any]:
    """The body, a JSON object.  Raises RefusedError (415, 422)."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise RefusedError(415, "not_json", "A body of type application/json is needed.")
    try:
        # To JSON Schema 60.0 is a whole number.
        body = json.loads(await request.body(), parse_float=_number)
    except (ValueError, RecursionError):
        raise RefusedError(422, "invalid_json", "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise RefusedError(422, "invalid_body", "A JSON object is needed.")
    return body


def number_in(value: object, name: str, *, low: int, high: int) -> int:
    """A whole number of `low … high` from a form or a body.  Raises RefusedError (422)."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 12:
        value = int(value)
    if type(value) is int and low <= value <= high:
        return value
    raise RefusedError(
        422, f"invalid_{name}", f"{name}: a whole number from {low} to {high} is needed."
    )


def _number(text: str) -> float:
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 1e15 else value


def whole_number(request: Request, name: str, default: int, *, low: int, high: int) -> int:
    """The query parameter `name` as a number of `low … high`.  Raises RefusedError (422)."""
    return number_in(request.query_params.get(name, str(default)), name, low=low, high=high)
