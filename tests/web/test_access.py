"""The one table of what each route needs: nothing is served that is not in it."""

from __future__ import annotations

import pytest
from starlette.routing import Mount, Route

from web.access import TABLE, Access, access_of, methods_of, protect
from web.api import OPERATIONS
from web.app import ROUTES
from web.openapi import document


def test_table_and_routes_are_the_same() -> None:
    routes = [
        f"{method} {route.path}"
        for route in ROUTES
        if isinstance(route, (Route, Mount))
        for method in methods_of(route)
    ]
    assert len(routes) >= len(ROUTES)
    assert sorted(routes) == sorted(TABLE)


def test_route_without_a_line_is_not_served() -> None:
    with pytest.raises(LookupError, match="GET /secret"):
        protect([Route("/secret", access_of)])


def test_whatever_changes_something_needs_an_operator() -> None:
    harmless = {"POST /language", "POST /theme", "POST /login", "POST /logout"}
    changing = {line for line in TABLE if not line.startswith("GET ")} - harmless
    assert min(TABLE[line] for line in changing) == Access.OPERATOR
    assert all(TABLE[line] == Access.PUBLIC for line in harmless)


def test_only_what_says_nothing_is_public() -> None:
    public = {line for line, needs in TABLE.items() if needs == Access.PUBLIC}
    assert public == {
        "GET /login",
        "POST /login",
        "POST /logout",
        "POST /language",
        "POST /theme",
        "GET /api/v1/openapi.json",
        "GET /healthz",
        "GET /readyz",
        "GET /static",
    }


def test_openapi_says_what_each_operation_needs() -> None:
    described = document()
    assert set(described["components"]["securitySchemes"]) == {"token", "session"}
    for operation in OPERATIONS:
        item = described["paths"][operation.path][operation.method.lower()]
        needs = access_of(operation.method, operation.path)
        assert item["x-needle-role"] == needs.name.lower()
        assert bool(item["security"]) == (needs > Access.PUBLIC)
        assert ("401" in item["responses"]) == (needs > Access.PUBLIC)
