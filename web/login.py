"""Signing in and out: pages and forms that work without JavaScript.

1. A link that is only looked at (by a preview, say) is not used up: the button on its page is.
2. Every wrong, old and used code has the same answer, which takes the same time.
3. A session never goes on under another role: signing in again begins a new one and ends the old.
"""

from __future__ import annotations

import math
from urllib.parse import parse_qs, quote, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from web.identity import Identity, browser, session_cookie
from web.pages import form_of
from web.preferences import page_response
from web.proxies import neighbourhood
from web.refusal import RefusedError
from web.services import Services, services
from web.vault import LONGEST_CHARS
from web.visitor import SESSION_COOKIE, remember, visitor_in

#: The answer to every code that signs nobody in, whatever is wrong with it.
_WRONG_CODE = RefusedError(
    403,
    "wrong_code",
    "This link is not valid: it is used up, too old, or was copied in part.",
)
_TOO_OFTEN = RefusedError(
    429, "too_many_attempts", "Too many attempts. Wait a minute, then try again."
)


async def show(request: Request) -> Response:
    """`GET /login`: `?c=` a one-time code, `?next=` where to go then."""
    query = request.query_params
    code, path = query.get("c", "")[:LONGEST_CHARS], safe_path(query.get("next", ""))
    if services(request).identity is None:
        return RedirectResponse(path, 303)
    return _page(request, code=code, path=path)


async def sign_in(request: Request) -> Response:
    """`POST /login`: fields `c`, a code or a whole link, and `next`."""
    parts, form = services(request), await form_of(request)
    path = safe_path(form.get("next", ""))
    if parts.identity is None:
        return RedirectResponse(path, 303)
    visitor = visitor_in(request.scope)
    address = neighbourhood(visitor.address)
    wait = parts.attempts.wait_seconds(address)
    if wait:
        response = _page(request, path=path, refusal=_TOO_OFTEN)
        response.headers["Retry-After"] = str(math.ceil(wait))
        return response
    role = await parts.identity.sessions.take_code(_code_in(form.get("c", "")))
    if role is None:
        return _page(request, path=path, refusal=_WRONG_CODE)
    parts.attempts.forgive(address)
    await _leave(request, parts, parts.identity)
    device = visitor.device
    value, session = await parts.identity.sessions.begin(role, device, visitor.address)
    remember(request.scope, browser(session, visitor.address))
    await parts.activity.write("session.begun")
    response = RedirectResponse(path, 303)
    response.headers.append("set-cookie", session_cookie(value, request.url.scheme))
    return response


async def sign_out(request: Request) -> Response:
    """`POST /logout`: end the session, and the streams that were opened in it."""
    parts = services(request)
    if parts.identity is not None and await _leave(request, parts, parts.identity):
        await parts.activity.write("session.ended")
    response = RedirectResponse("/login", 303)
    response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="lax")
    return response


def safe_path(text: str) -> str:
    """`text` if it is the path of a page of ours, else `/`: a link must not lead elsewhere."""
    is_ours = (
        text.startswith("/")
        and not text.startswith(("//", "/\\", "/login", "/logout", "/api/", "/events"))
        and len(text) <= 2000
        and text.isascii()
        and text.isprintable()
        and not set(text) & set("\\ ")
    )
    return text if is_ours else "/"


def login_path(request: Request) -> str:
    """Where somebody signs in who wanted to see what `request` asks for."""
    url = request.url
    path = safe_path(url.path + (f"?{url.query}" if url.query else ""))
    return "/login" + (f"?next={quote(path, safe='/')}" if path != "/" else "")


def _code_in(text: str) -> str:
    """The code in a link, or `text` itself."""
    text = text.strip()
    if "?" in text:
        try:
            text = parse_qs(urlsplit(text).query).get("c", [""])[0]
        except ValueError:
            return ""
    return text[:LONGEST_CHARS]


async def _leave(request: Request, parts: Services, identity: Identity) -> bool:
    visitor = visitor_in(request.scope)
    if not visitor.has_signed_in:
        return False
    ended = await identity.sessions.end(visitor.session)
    parts.streams.end(visitor.session)
    return ended


def _page(
    request: Request, *, code: str = "", path: str, refusal: RefusedError | None = None
) -> Response:
    return page_response(
        request,
        "login.html",
        services(request).hub.state(),
        refusal.status if refusal else 200,
        code=code,
        path=path,
        message=refusal.message if refusal else "",
    )
