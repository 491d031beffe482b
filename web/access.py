"""Who may do what: the one table of routes and what each needs.

A route without a line here cannot be served: `protect` refuses it when the application is made.
Order matters: who may do something may do all that needs less.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web import activity
from web.connection import REDIS_ERRORS
from web.refusal import RefusedError
from web.settings import is_within
from web.visitor import Visitor, visitor_in

if TYPE_CHECKING:  # it knows all parts, and some of them know this module
    from web.services import Services


class Access(IntEnum):
    """What a request needs, and what somebody may do at most."""

    PUBLIC = 0  #: nothing
    VIEWER = 1  #: to be signed in, in any role; for programs: a token of scope `read`
    OPERATOR = 2  #: the role operator, a token of scope `operate`: whatever changes something
    OWNER = 3  #: the operator token of the data folder: who may sign in, and as what


_PUBLIC, _VIEWER, _OPERATOR, _OWNER = Access

#: Method and path of a route -> what it needs.  `HEAD` needs what `GET` does.
TABLE = {
    "GET /": _VIEWER,
    "GET /events": _VIEWER,
    "GET /scans": _VIEWER,
    "POST /scans": _OPERATOR,
    "GET /scans/{scan_id}": _VIEWER,
    "POST /scans/{scan_id}/stop": _OPERATOR,
    "POST /scans/{scan_id}/pause": _OPERATOR,
    "POST /scans/{scan_id}/resume": _OPERATOR,
    "GET /missing": _VIEWER,
    "POST /missing/purge": _OPERATOR,
    "GET /sizes": _VIEWER,
    "POST /sizes/limits": _OPERATOR,
    "POST /sizes/undo": _OPERATOR,
    "POST /sizes/automatic": _OPERATOR,
    "POST /sizes/reset": _OPERATOR,
    "GET /library": _VIEWER,
    "GET /library/albums/{album_id}": _VIEWER,
    "GET /library/artists/{artist_id}": _VIEWER,
    "GET /tasks": _VIEWER,
    "POST /tasks/{task_id:path}/revoke": _OPERATOR,
    "GET /trends": _VIEWER,
    "GET /alerts": _VIEWER,
    "POST /alerts/acknowledge": _OPERATOR,
    "POST /alerts/silence": _OPERATOR,
    "POST /alerts/unsilence": _OPERATOR,
    "POST /alerts/test": _OPERATOR,
    "GET /login": _PUBLIC,
    "POST /login": _PUBLIC,
    "POST /logout": _PUBLIC,
    # A browser's own cookie, nothing of Needle's; the sign-in page has these switches as well.
    "POST /language": _PUBLIC,
    "POST /theme": _PUBLIC,
    "GET /api/v1/scans": _VIEWER,
    "POST /api/v1/scans": _OPERATOR,
    "GET /api/v1/scans/{scan_id}": _VIEWER,
    "POST /api/v1/scans/{scan_id}/stop": _OPERATOR,
    "POST /api/v1/scans/{scan_id}/pause": _OPERATOR,
    "POST /api/v1/scans/{scan_id}/resume": _OPERATOR,
    "GET /api/v1/scans/{scan_id}/problems": _VIEWER,
    "GET /api/v1/scans/{scan_id}/problems.csv": _VIEWER,
    "GET /api/v1/library": _VIEWER,
    "GET /api/v1/library/search": _VIEWER,
    "GET /api/v1/library/albums/{album_id}": _VIEWER,
    "GET /api/v1/library/artists/{artist_id}": _VIEWER,
    "GET /api/v1/missing": _VIEWER,
    "GET /api/v1/trends": _VIEWER,
    "GET /api/v1/alerts": _VIEWER,
    "GET /api/v1/alerts/rules": _VIEWER,
    "POST /api/v1/alerts/acknowledge": _OPERATOR,
    "PUT /api/v1/alerts/silences": _OPERATOR,
    "DELETE /api/v1/alerts/silences": _OPERATOR,
    "POST /api/v1/alerts/test": _OPERATOR,
    "POST /api/v1/missing/purge": _OPERATOR,
    "GET /api/v1/sizes": _VIEWER,
    "GET /api/v1/sizes.txt": _VIEWER,
    "DELETE /api/v1/sizes": _OPERATOR,
    "GET /api/v1/sizes/limits": _VIEWER,
    "PUT /api/v1/sizes/limits": _OPERATOR,
    "DELETE /api/v1/sizes/limits": _OPERATOR,
    "GET /api/v1/celery/tasks/status": _VIEWER,
    "GET /api/v1/celery/tasks/{task_id}/status": _VIEWER,
    "POST /api/v1/celery/tasks/{task_id}/revoke": _OPERATOR,
    "GET /api/v1/celery/workers/status": _VIEWER,
    "GET /api/v1/celery/queues/status": _VIEWER,
    "GET /api/v1/celery/metrics/summary": _VIEWER,
    "GET /api/v1/celery/health": _VIEWER,
    "GET /api/v1/status": _VIEWER,
    "POST /api/v1/login-links": _OWNER,
    "GET /api/v1/sessions": _OWNER,
    "DELETE /api/v1/sessions/{session_id}": _OWNER,
    "GET /api/v1/tokens": _OWNER,
    "POST /api/v1/tokens": _OWNER,
    "DELETE /api/v1/tokens/{token_id}": _OWNER,
    "GET /metrics": _VIEWER,
    "GET /api/v1/openapi.json": _PUBLIC,
    "GET /healthz": _PUBLIC,
    "GET /readyz": _PUBLIC,
    "GET /static": _PUBLIC,
}

#: These are also open to the networks of NEEDLE_METRICS_NETWORKS.
OPEN_TO_NETWORKS = frozenset({"GET /metrics"})


def access_of(method: str, path: str) -> Access:
    """What a route needs, by its path as declared.  LookupError: it is not in the table."""
    try:
        return TABLE[f"{'GET' if method == 'HEAD' else method} {path}"]
    except KeyError:
        raise LookupError(f"web/access.py does not say what `{method} {path}` needs") from None


def protect(routes: Iterable[BaseRoute]) -> list[BaseRoute]:
    """Copies of `routes` that refuse whoever may not use them.  Raises LookupError."""
    return [_protected(route) for route in routes]


def methods_of(route: BaseRoute) -> set[str]:
    """The methods of a route, `HEAD` left out; a mounted folder can only be read."""
    methods = route.methods if isinstance(route, Route) else None
    return (methods or {"GET"}) - {"HEAD"}


def check(visitor: Visitor, needs: Access) -> None:
    """Let through who may do enough.

    Raises RefusedError: 401 not signed in, 403 in a role that is too small, 503 not known.
    """
    if visitor.access >= needs:
        return
    if visitor.is_in_doubt:
        raise RefusedError(
            503, "redis_unavailable", "Redis does not answer, so it is not known who you are."
        )
    if visitor.access == Access.PUBLIC:
        raise RefusedError(401, "sign_in_needed", "Sign in first.")
    if needs == Access.OWNER:
        raise RefusedError(403, "terminal_needed", "Only the command `needle` may do this.")
    raise RefusedError(403, "operator_needed", "Only an operator may do this.")


def _protected(route: BaseRoute) -> BaseRoute:
    if not isinstance(route, (Route, Mount)):
        raise LookupError(f"web/access.py cannot protect {route!r}")
    needed = {method: access_of(method, route.path) for method in methods_of(route)}
    guarded = copy.copy(route)
    guarded.app = _Needs(route.app, route.path, needed)
    return guarded


class _Needs:
    """An application behind a route, and what each of its methods needs.

    What an operator has done is in the list of activity, even if the route did not write it there.
    """

    def __init__(self, app: ASGIApp, path: str, needed: dict[str, Access]) -> None:
        self._app, self._path, self._needed = app, path, needed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        # A mounted folder answers other methods with 405 itself.
        needs = self._needed.get(method, Access.PUBLIC)
        parts: Services = scope["app"].state.services
        visitor = visitor_in(scope)
        if not self._is_open_to(visitor, parts):
            check(visitor, needs)
        if method == "GET" or needs < Access.OPERATOR:
            await self._app(scope, receive, send)
            return
        await self._logged(scope, receive, send, parts)

    def _is_open_to(self, visitor: Visitor, parts: Services) -> bool:
        networks = parts.settings.metrics_networks
        return f"GET {self._path}" in OPEN_TO_NETWORKS and is_within(visitor.address, networks)

    async def _logged(self, scope: Scope, receive: Receive, send: Send, parts: Services) -> None:
        written, done = activity.begin(), False

        async def send_and_look(message: Message) -> None:
            nonlocal done
            if message["type"] == "http.response.start":
                done = message["status"] < 400
            await send(message)

        await self._app(scope, receive, send_and_look)
        if done and not written:
            with contextlib.suppress(*REDIS_ERRORS):  # it is done; that it is not listed is not all
                await parts.activity.write("request.done", target=f"{scope['method']} {self._path}")
