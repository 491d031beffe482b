"""The door: which requests come in at all, and the headers every answer leaves with.  Pure ASGI.

The Host must be one of ours (no DNS rebinding), and an unsafe request of a browser must come from
a page of ours (no CSRF).  Programs send neither Origin nor Sec-Fetch-Site: they must bring a
token, which no other site can make a browser send.  Who may do what is decided further in.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.errors import API_PREFIX, error_json
from web.proxies import behind_proxies
from web.refusal import RefusedError
from web.settings import WebSettings

MAX_BODY_BYTES = 64 * 1024
BODY_SECONDS = 10.0

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
LOCAL_SUFFIXES = (".local", ".lan", ".home", ".home.arpa", ".internal", ".localhost")
#: A name or an address, and a port: a browser sends nothing else, and addresses of redirects are
#: made of it.
_HOST = re.compile(r"(?:\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::\d{0,5})?", re.ASCII | re.IGNORECASE)

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # `no-referrer` would turn the Origin of our own forms into "null".
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}

log = logging.getLogger(__name__)


class Guard:
    """Refuses foreign hosts, foreign origins, ambiguous requests, and large or slow bodies."""

    def __init__(self, app: ASGIApp, settings: WebSettings) -> None:
        self._app, self._settings = app, settings
        self._allowed_hosts = frozenset(settings.allowed_hosts) | {
            _name_of(urlsplit(settings.public_url).netloc)
        } - {""}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = behind_proxies(scope, self._settings.trusted_proxies)
        send = _with_security_headers(send)
        try:
            await self._check_with_body(scope, receive)
            if scope["method"] not in SAFE_METHODS:
                receive = await _whole_body(Headers(scope=scope), receive)
        except RefusedError as refusal:
            await _answer(scope["path"], refusal)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _check_with_body(self, scope: Scope, receive: Receive) -> None:
        """Whoever is refused is listened to: who still sends would never read the answer."""
        try:
            self._check(scope)
        except RefusedError:
            with contextlib.suppress(RefusedError):
                await _whole_body(Headers(scope=scope), receive)
            raise

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if len(headers.getlist("host")) > 1 or not self._is_our_name(_name_of(host)):
            raise RefusedError(
                421, "unknown_host", "Unknown host name: add it to NEEDLE_ALLOWED_HOSTS."
            )
        if len(headers.getlist("authorization")) > 1:
            raise RefusedError(400, "ambiguous", "Two Authorization headers are refused.")
        # A proxy in front may go by the other one, and see another request behind this.
        if "transfer-encoding" in headers and "content-length" in headers:
            raise RefusedError(400, "ambiguous", "A length and chunks together are refused.")
        if scope["method"] not in SAFE_METHODS and not self._may_change(headers):
            raise RefusedError(403, "cross_origin", "A request of another site is refused.")

    def _may_change(self, headers: Headers) -> bool:
        """Whether the request comes from a page of ours, or from a program."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if headers.get("authorization", "").lower().startswith("bearer "):
            return True  # other sites cannot send this header: nothing here lets them (CORS)
        if site is not None:
            return site in ("same-origin", "none")
        # A browser on plain http in the LAN sends no Sec-Fetch-Site, but it sends Origin.
        if origin is not None:
            scheme, _, place = origin.lower().partition("://")
            return scheme in ("http", "https") and place == headers["host"].lower()
        return not self._settings.auth  # a program: without sign-in there are no tokens

    def _is_our_name(self, name: str) -> bool:
        if not name:
            return False
        if name in self._allowed_hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            # A single label or a name of the local network: no public server can claim it.
            return "." not in name or name.endswith(LOCAL_SUFFIXES)
        return True  # nothing is looked up for an address


def _name_of(host: str) -> str:
    """The name or address in a Host header, "" when it is none."""
    if not _HOST.fullmatch(host):
        return ""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises, as the brackets of no address do
    except ValueError:
        return ""
    return (parts.hostname or "").removesuffix(".")  # of a full name


async def _whole_body(headers: Headers, receive: Receive) -> Receive:
    """Read the body before anything else sees it; a `receive` that gives it again.

    Raises:
        RefusedError: 413 it is too large, 408 it comes too slowly.
    """
    too_large = RefusedError(413, "too_large", f"At most {MAX_BODY_BYTES} bytes are accepted.")
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
        raise too_large
    body = b""
    message: Message = {"more_body": True}
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while message.get("more_body"):
                message = await receive()
                body += message.get("body", b"")
                if len(body) > MAX_BODY_BYTES:
                    raise too_large
    except TimeoutError:
        raise RefusedError(408, "too_slow", "The request did not arrive in time.") from None
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _answer(path: str, refusal: RefusedError) -> Response:
    # What is left of the request would be taken for the next one.
    headers = {"Connection": "close"}
    if path.startswith(API_PREFIX):
        return error_json(refusal, headers)
    return PlainTextResponse(refusal.message, refusal.status, headers)


def _with_security_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers
