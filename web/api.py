"""The JSON API: its operations as data, from which routes and the OpenAPI document are made."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from web import access_api, celery_api, library_api, missing_api, schemas, size_api, trend_pages
from web.access import Access
from web.alerts import api as alerts_api
from web.errors import ApiResponse
from web.operations import PREFIX, Operation, Parameter, json_body, whole_number
from web.refusal import RefusedError
from web.scans import Action, mode_of
from web.services import services
from web.state import SCANS_SHOWN, State
from web.views import problem_json, scan_json, status_json
from web.visitor import visitor_in
from wire.keys import SCANS_KEPT
from wire.outcomes import PROBLEMS
from wire.states import ScanMode

ACTOR = "api"


async def list_scans(request: Request) -> Response:
    """The newest scans."""
    limit = whole_number(request, "limit", SCANS_SHOWN, low=1, high=SCANS_KEPT)
    scans = await services(request).scans.recent(limit)
    return ApiResponse({"scans": [scan_json(scan) for scan in scans]})


async def start_scan(request: Request) -> Response:
    """Start a scan of one folder, or of all roots."""
    parts = services(request)
    root, mode, mark_anyway = await _scan_request(request)
    started = await parts.scans.start(root, mode, _actor(request), mark_anyway=mark_anyway)
    for scan, _ in started:
        parts.hub.take(scan)
    documents = [scan_json(scan) for scan, _ in started]
    is_new = any(new for _, new in started)
    return ApiResponse({**documents[0], "scans": documents}, 202 if is_new else 200)


async def read_scan(request: Request) -> Response:
    """One scan."""
    return ApiResponse(scan_json(await services(request).scans.get(_scan_id(request))))


async def stop_scan(request: Request) -> Response:
    """Ask a scan to stop."""
    return await _request(request, Action.STOP)


async def pause_scan(request: Request) -> Response:
    """Ask a scan to pause."""
    return await _request(request, Action.PAUSE)


async def resume_scan(request: Request) -> Response:
    """Ask a paused scan to go on."""
    return await _request(request, Action.RESUME)


async def list_problems(request: Request) -> Response:
    """Some problems of a scan."""
    parts = services(request)
    limit = whole_number(request, "limit", 50, low=1, high=1000)
    offset = whole_number(request, "offset", 0, low=0, high=10**9)
    outcome = _outcome(request)
    scan = await parts.scans.get(_scan_id(request))
    await parts.problems.recall(scan)
    page = await parts.problems.page(scan.id, outcome=outcome, offset=offset, limit=limit)
    return ApiResponse(
        {
            "total": page.total,
            "offset": offset,
            "problems": [problem_json(problem) for problem in page.rows],
        }
    )


async def problems_csv(request: Request) -> Response:
    """All problems of a scan as CSV, or those with one outcome."""
    parts, outcome = services(request), _outcome(request)
    scan = await parts.scans.get(_scan_id(request))
    await parts.problems.recall(scan)
    name = "-".join(filter(None, ("needle-problems", scan.id, outcome))) + ".csv"
    return StreamingResponse(
        parts.problems.csv(scan.id, outcome=outcome),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _outcome(request: Request) -> str | None:
    outcome = request.query_params.get("outcome")
    if outcome is not None and outcome not in PROBLEMS:
        raise RefusedError(422, "invalid_outcome", f"outcome: one of {', '.join(PROBLEMS)}.")
    return outcome


async def status(request: Request) -> Response:
    """How Redis, workers, queues and folders are."""
    return ApiResponse(status_json(await services(request).hub.fresh_state()))


async def healthz(request: Request) -> Response:  # noqa: ARG001 - an endpoint's signature
    """`GET /healthz`: this process answers."""
    return ApiResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """`GET /readyz`: a scan could start now."""
    reasons = _not_ready(await services(request).hub.fresh_state())
    body: dict[str, object] = {"status": "not ready" if reasons else "ready", "reasons": []}
    if visitor_in(request.scope).access >= Access.VIEWER:
        body["reasons"] = reasons
    return ApiResponse(body, 503 if reasons else 200)


def _not_ready(state: State) -> list[str]:
    if state.redis_error:
        return [f"Redis cannot be used. {state.redis_error}"]
    if all(worker.silent for worker in state.workers):
        return ["No worker is running."]
    return []


async def _request(request: Request, action: Action) -> Response:
    scan = await services(request).scans.request(_scan_id(request), action, _actor(request))
    return ApiResponse(scan_json(scan), 202)


async def _scan_request(request: Request) -> tuple[str | None, ScanMode, bool]:
    """Root (None: all), mode and `mark_anyway` in the body.  Raises RefusedError."""
    body = await json_body(request)
    root = body.get("root")
    if not (root is None or isinstance(root, str)):
        raise RefusedError(422, "invalid_root", "root: a text is needed.")
    mark_anyway = body.get("mark_anyway", False)
    if not isinstance(mark_anyway, bool):
        raise RefusedError(422, "invalid_mark_anyway", "mark_anyway: true or false is needed.")
    return root, mode_of(body.get("mode")), mark_anyway


def _actor(request: Request) -> str:
    return visitor_in(request.scope).named(ACTOR)


def _scan_id(request: Request) -> str:
    return str(request.path_params["scan_id"])


_LIMIT = schemas.whole_number(1, SCANS_KEPT, SCANS_SHOWN)
OPERATIONS = (
    Operation(
        "GET",
        f"{PREFIX}/scans",
        "listScans",
        "The newest scans, newest first.",
        list_scans,
        {200: "Scans", 422: "Error", 503: "Error"},
        (Parameter("limit", _LIMIT, "How many at most."),),
    ),
    Operation(
        "POST",
        f"{PREFIX}/scans",
        "startScan",
        "Scan a folder, or all music folders. 202: started. 200: it is being scanned already, "
        "here is that scan.",
        start_scan,
        {
            200: "StartedScan",
            202: "StartedScan",
            403: "Error",
            404: "Error",
            409: "Error",
            413: "Error",
            415: "Error",
            422: "Error",
            503: "Error",
        },
        body="ScanRequest",
    ),
    Operation(
        "GET",
        f"{PREFIX}/scans/{{scan_id}}",
        "readScan",
        "One scan.",
        read_scan,
        {200: "Scan", 404: "Error", 503: "Error"},
    ),
    *(
        Operation(
            "POST",
            f"{PREFIX}/scans/{{scan_id}}/{action.value}",
            f"{action.value}Scan",
            help_text,
            endpoint,
            {202: "Scan", 403: "Error", 404: "Error", 409: "Error", 503: "Error"},
        )
        for action, endpoint, help_text in (
            (Action.STOP, stop_scan, "Ask a scan to stop; what is stored is kept."),
            (Action.PAUSE, pause_scan, "Ask a scan to pause."),
            (Action.RESUME, resume_scan, "Ask a paused scan to go on."),
        )
    ),
    Operation(
        "GET",
        f"{PREFIX}/scans/{{scan_id}}/problems",
        "listProblems",
        "Files of a scan that are not, or not wholly, in the catalog; the first 10,000 are kept.",
        list_problems,
        {200: "Problems", 404: "Error", 422: "Error", 503: "Error"},
        (
            Parameter("limit", schemas.whole_number(1, 1000, 50), "How many at most."),
            Parameter("offset", schemas.whole_number(0, 10**9, 0), "How many to leave out first."),
            Parameter("outcome", schemas.OUTCOME_OF_PROBLEM, "Only those with this outcome."),
        ),
    ),
    Operation(
        "GET",
        f"{PREFIX}/scans/{{scan_id}}/problems.csv",
        "exportProblems",
        "The same as CSV in UTF-8 with a header; no cell is a formula.",
        problems_csv,
        {200: "text/csv", 404: "Error", 422: "Error", 503: "Error"},
        (Parameter("outcome", schemas.OUTCOME_OF_PROBLEM, "Only those with this outcome."),),
    ),
    *library_api.OPERATIONS,
    *missing_api.OPERATIONS,
    *size_api.OPERATIONS,
    *celery_api.OPERATIONS,
    *alerts_api.OPERATIONS,
    *trend_pages.OPERATIONS,
    *access_api.OPERATIONS,
    Operation(
        "GET",
        f"{PREFIX}/status",
        "readStatus",
        "Redis, workers, queues, music folders and the scans at work.",
        status,
        {200: "Status"},
    ),
    Operation(
        "GET", "/healthz", "readHealth", "Whether this process answers.", healthz, {200: "Health"}
    ),
    Operation(
        "GET",
        "/readyz",
        "readReadiness",
        "Whether a scan could start now: Redis answers and a worker runs.",
        readyz,
        {200: "Readiness", 503: "Readiness"},
    ),
)
