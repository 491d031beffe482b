"""The pages of what was: past scans, and missing files.  They need no JavaScript."""

from __future__ import annotations

import math
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from web.library_pages import page_number
from web.missing import count_of, days_of
from web.pages import ACTOR, form_of
from web.preferences import page_response
from web.rates import files_per_second
from web.refusal import RefusedError
from web.services import services
from wire.events import Scan
from wire.keys import SCANS_KEPT
from wire.states import ScanState

PAGE_ROWS = 25


@dataclass(frozen=True, slots=True)
class PastScan:
    """A scan, how long it took (None: it never began) and how fast it was."""

    scan: Scan
    seconds: float | None
    files_per_second: float | None


async def scans(request: Request) -> Response:
    """`GET /scans`: the scans that are kept, newest first, `?root=`, `?state=` and `?page=`."""
    parts = services(request)
    kept = await parts.scans.recent(SCANS_KEPT)
    roots = {scan.root_id: scan.root for scan in kept}
    states = [state.value for state in ScanState if any(s.state is state for s in kept)]
    root, state = (request.query_params.get(name, "") for name in ("root", "state"))
    root, state = root if root in roots else "", state if state in states else ""
    chosen = [s for s in kept if root in ("", s.root_id) and state in ("", s.state)]
    pages = max(math.ceil(len(chosen) / PAGE_ROWS), 1)
    page = min(page_number(request), pages)
    return page_response(
        request,
        "scans.html",
        parts.hub.state(),
        rows=[_past(scan) for scan in chosen[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]],
        total=len(chosen),
        roots=roots,
        root=root,
        states=states,
        chosen_state=state,
        page=page,
        pages=pages,
    )


async def missing(request: Request) -> Response:
    """`GET /missing`: what forgetting missing files would delete, `?root=` and `?days=`."""
    parts, query = services(request), request.query_params
    root, days = query.get("root", ""), days_of(query.get("days"))
    trouble, found = "", None
    try:
        found = await parts.missing.preview(root, days)
    except RefusedError as refusal:
        if refusal.status != 503:
            raise
        trouble = refusal.message
    response = page_response(
        request,
        "missing.html",
        parts.hub.state(),
        503 if trouble else 200,
        found=found,
        trouble=trouble,
        root=root,
        days=days,
        asked=count_of(query.get("asked")),
    )
    if trouble:
        response.headers["Retry-After"] = "5"
    return response


async def purge(request: Request) -> Response:
    """`POST /missing/purge`: fields `root`, `days`, and `expected`, how many were shown."""
    form = await form_of(request)
    root, days = form.get("root", ""), days_of(form.get("days"))
    expected = count_of(form.get("expected"))
    if expected is None:
        raise RefusedError(422, "invalid_expected", "expected: a number of files is needed.")
    found = await services(request).missing.purge(root, days, expected, ACTOR)
    return RedirectResponse("/missing?" + urlencode({"asked": found.files}), 303)


def _past(scan: Scan) -> PastScan:
    if scan.started_at is None:
        return PastScan(scan, None, None)
    seconds = max((scan.finished_at or scan.updated_at) - scan.started_at, 0.0)
    return PastScan(scan, seconds, files_per_second(scan))
