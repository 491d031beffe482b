"""The OpenAPI document describes every route of the API, and the answers keep to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
import redis
from starlette.routing import Route

from tests.web.records import beat, problem, publish, publish_problems, publish_scan
from web.app import ROUTES
from web.openapi import document
from wire.events import Reason, StageCount
from wire.states import ScanState

DOCUMENT = document()


def validate(answer: httpx.Response, path: str, method: str = "get") -> None:
    described = DOCUMENT["paths"][path][method]["responses"][str(answer.status_code)]
    schema = described["content"]["application/json"]["schema"]
    whole = {**schema, "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(
        whole, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    ).validate(answer.json())


def test_every_api_route_is_described() -> None:
    routes = {
        (route.path, method.lower())
        for route in ROUTES
        if isinstance(route, Route) and route.path.startswith(("/api/", "/healthz", "/readyz"))
        for method in (route.methods or set()) - {"HEAD"}
    }
    described = {(path, method) for path, item in DOCUMENT["paths"].items() for method in item}
    assert routes - described == {("/api/v1/openapi.json", "get")}
    assert described <= routes


def test_every_route_is_in_the_manual() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
    for path, item in DOCUMENT["paths"].items():
        for method in item:
            assert f"`{method.upper()} {path}`" in manual


def test_document_is_served(http: httpx.Client) -> None:
    assert http.get("/api/v1/openapi.json").json() == document(secured=False)


@pytest.mark.parametrize("schema", DOCUMENT["components"]["schemas"].values())
def test_schemas_are_schemas(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)


def test_answers_keep_to_the_document(http: httpx.Client, redis_client: redis.Redis) -> None:
    scan = publish_scan(
        redis_client,
        counts={"new": 3, "unreadable": 1},
        formats={"mp3": 3},
        stages=(StageCount("extract", done=3, total=4),),
        reasons=(Reason("unreadable", "EOFError", 1),),
        finished_at=1e250,
    )
    publish_problems(redis_client, scan.id, [problem(1)])
    publish(redis_client, beat())
    ended = publish_scan(redis_client, 2, state=ScanState.FAILED, root_id="f" * 12)
    base = "/api/v1/scans"
    one = base + "/{scan_id}"

    validate(http.get(base), base)
    validate(http.get(f"{base}/{scan.id}"), one)
    validate(http.get(f"{base}/none"), one)
    validate(http.get(f"{base}/{scan.id}/problems"), one + "/problems")
    validate(http.get(f"{base}/{scan.id}/problems?limit=x"), one + "/problems")
    validate(http.post(base, json={"mode": "quick"}), base, "post")
    validate(http.post(base, json={"mode": "quick"}), base, "post")
    validate(http.post(base, json={"mode": "odd"}), base, "post")
    validate(http.post(base, content=b"x" * 70_000), base, "post")
    validate(http.post(base, data={}), base, "post")
    validate(http.post(base, json={"mode": "quick", "root": "/etc"}), base, "post")
    for action in ("stop", "pause", "resume"):
        validate(http.post(f"{base}/{scan.id}/{action}"), f"{one}/{action}", "post")
        validate(http.post(f"{base}/{ended.id}/{action}"), f"{one}/{action}", "post")
    validate(http.get("/api/v1/status"), "/api/v1/status")
    validate(http.get("/healthz"), "/healthz")
    validate(http.get("/readyz"), "/readyz")
