"""The pages for people, and the forms on them: each works without JavaScript."""

from __future__ import annotations

import math
import secrets
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from web.preferences import (
    LANGUAGE_COOKIE,
    ONE_YEAR_SECONDS,
    THEME_COOKIE,
    THEMES,
    language_of,
    page_response,
)
from web.problems import ProblemPage
from web.proxies import neighbourhood
from web.refusal import RefusedError
from web.render import SECTIONS, partial
from web.scans import Action, mode_of
from web.services import services
from web.settings import LANGUAGES
from web.stream import View
from web.visitor import visitor_in
from wire.states import ScanMode

#: Names a browser without sign-in, so that its tabs share a few streams; it gives no rights.
BROWSER_COOKIE = "needle_browser"
PAGE_ROWS = 50
ACTOR = "page"


async def index(request: Request) -> Response:
    """`GET /`: the live page."""
    parts = services(request)
    await parts.size_card.refresh()
    response = page_response(request, "index.html", await parts.hub.fresh_state())
    if parts.identity is None and BROWSER_COOKIE not in request.cookies:
        _set_cookie(response, BROWSER_COOKIE, secrets.token_urlsafe(16))
    return response


async def events(request: Request) -> Response:
    """`GET /events`: the stream that keeps the page up to date."""
    parts, visitor = services(request), visitor_in(request.scope)

    async def may_go_on() -> bool:
        return parts.identity is None or await parts.identity.is_still(visitor)

    return parts.streams.open(
        View(language_of(request), visitor.role),
        session=visitor.session or request.cookies.get(BROWSER_COOKIE, ""),
        address=neighbourhood(visitor.address),
        last_event_id=request.headers.get("last-event-id", ""),
        may_go_on=may_go_on,
    )


async def scan(request: Request) -> Response:
    """`GET /scans/{scan_id}`: one scan and all its problems, `?outcome=` and `?page=`."""
    parts = services(request)
    found = await parts.scans.get(request.path_params["scan_id"])
    outcomes = found.problems
    outcome = request.query_params.get("outcome", "")
    outcome = outcome if outcome in outcomes else ""
    page = _page_number(request.query_params.get("page", "1"))

    async def rows(number: int) -> ProblemPage:
        offset = (number - 1) * PAGE_ROWS
        return await parts.problems.page(
            found.id, outcome=outcome or None, offset=offset, limit=PAGE_ROWS
        )

    trouble = ""
    try:
        await parts.problems.recall(found)
    except RefusedError as refusal:  # the scan itself can be shown nevertheless
        trouble = refusal.message
    listed = await rows(page)
    pages = max(math.ceil(listed.total / PAGE_ROWS), 1)
    if page > pages:
        page, listed = pages, await rows(pages)
    return page_response(
        request,
        "scan.html",
        parts.hub.state(),
        scan=found,
        trouble=trouble,
        problems=listed.rows,
        problems_total=listed.total,
        outcomes_found=outcomes,
        outcome=outcome,
        page=page,
        pages=pages,
    )


async def start_scan(request: Request) -> Response:
    """`POST /scans`: fields `mode`, `root` (an id or a path; empty: all), `mark_anyway`."""
    parts, form = services(request), await form_of(request)
    mode, mark_anyway = mode_of(form.get("mode", ScanMode.QUICK)), "mark_anyway" in form
    root = form.get("root") or None
    for scan, _ in await parts.scans.start(root, mode, ACTOR, mark_anyway=mark_anyway):
        parts.hub.take(scan)
    return _back(request, "/")  # where it can be watched


async def stop_scan(request: Request) -> Response:
    """`POST /scans/{scan_id}/stop`"""
    return await _request(request, Action.STOP)


async def pause_scan(request: Request) -> Response:
    """`POST /scans/{scan_id}/pause`"""
    return await _request(request, Action.PAUSE)


async def resume_scan(request: Request) -> Response:
    """`POST /scans/{scan_id}/resume`"""
    return await _request(request, Action.RESUME)


async def set_language(request: Request) -> Response:
    """`POST /language`: field `lang`."""
    return await _choose(request, "lang", LANGUAGES, LANGUAGE_COOKIE)


async def set_theme(request: Request) -> Response:
    """`POST /theme`: field `theme`."""
    return await _choose(request, "theme", THEMES, THEME_COOKIE)


async def _request(request: Request, action: Action) -> Response:
    await services(request).scans.request(request.path_params["scan_id"], action, ACTOR)
    return _back(request)


async def _choose(request: Request, field: str, choices: tuple[str, ...], cookie: str) -> Response:
    value = (await form_of(request)).get(field, "")
    if value not in choices:
        raise RefusedError(
            422, "invalid_choice", f"{field}: one of {', '.join(choices)} is needed."
        )
    response = _back(request)
    _set_cookie(response, cookie, value)
    return response


def _back(request: Request, path: str = "") -> Response:
    """To `path`, or to where the form was; for htmx the scan's section instead."""
    if request.headers.get("hx-request") == "true":
        parts = services(request)
        section = next(s for s in SECTIONS if s.id == "scan")
        role = visitor_in(request.scope).role
        html = parts.renderer.fragment(section, language_of(request), role, parts.hub.state())
        return HTMLResponse(partial(section, html).encode("utf-8", "replace"))
    return RedirectResponse(path or _path_of_form(request), 303)


def _path_of_form(request: Request) -> str:
    """Path and query of the page of ours that sent the form, else those of the live page."""
    try:
        sender = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return "/"
    if sender.netloc != request.headers["host"]:
        return "/"
    # One slash only: two would name another host.
    return "/" + sender.path.lstrip("/") + (f"?{sender.query}" if sender.query else "")


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, the last of each name.  Raises RefusedError."""
    try:
        fields = parse_qs((await request.body()).decode("ascii"), max_num_fields=20)
    except ValueError:
        raise RefusedError(422, "invalid_form", "This is not a form.") from None
    return {name: values[-1] for name, values in fields.items()}


def _page_number(text: str) -> int:
    return max(int(text), 1) if text.isascii() and text.isdecimal() and len(text) < 7 else 1


def _set_cookie(response: Response, name: str, value: str) -> None:
    response.set_cookie(name, value, max_age=ONE_YEAR_SECONDS, httponly=True, samesite="lax")
