"""Finding out who sends a request: by a token, by the cookie of a session, or nobody.

A token goes before a cookie and is never mixed with one: a request with an Authorization header
is what that header says and nothing more.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.access import Access
from web.devices import device_name
from web.sessions import DoubtError, Session, Sessions
from web.tokens import Tokens
from web.vault import Vault
from web.visitor import SESSION_COOKIE, Visitor, remember
from wire.keys import SESSION_SECONDS


class Identity:
    """Knows tokens and sessions."""

    def __init__(self, vault: Vault, sessions: Sessions, tokens: Tokens) -> None:
        self._vault, self.sessions, self.tokens = vault, sessions, tokens

    async def visitor(self, headers: Headers, address: str) -> Visitor:
        """Who sends a request with these headers."""
        authorization = headers.get("authorization")
        if authorization is not None:
            return self._program(authorization, address)
        value = _cookie_in(headers)
        nobody = Visitor(address=address, device=device_name(headers.get("user-agent", "")))
        try:
            session = await self.sessions.find(value)
        except DoubtError:
            return Visitor(address=address, device=nobody.device, is_in_doubt=True)
        return browser(session, address) if session else nobody

    async def is_still(self, visitor: Visitor) -> bool:
        """Whether `visitor` may do now what it could."""
        if visitor.actor:
            return visitor.access == Access.OWNER or self.tokens.has(visitor.session)
        try:
            return await self.sessions.renew(visitor.session) is not None
        except DoubtError:
            return True

    def _program(self, authorization: str, address: str) -> Visitor:
        scheme, _, value = authorization.partition(" ")
        value = value.strip()
        if scheme.lower() != "bearer" or not value:
            return Visitor(address=address)
        if self._vault.is_operator_token(value):
            return Visitor(Access.OWNER, address, session="terminal", actor="terminal")
        token = self.tokens.find(value)
        if token is None:
            return Visitor(address=address)
        return Visitor(token.scope.role.access, address, token.name, token.id, actor="api")


class Identify:
    """Notes in each request who sent it.  Without an Identity everybody owns everything.

    A session that is used goes on; so does its cookie, which the browser gets again.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            visitor = await self._who(scope)
            remember(scope, visitor)
            if visitor.has_signed_in:
                send = _with_cookie(scope, send)
        await self._app(scope, receive, send)

    async def _who(self, scope: Scope) -> Visitor:
        address = scope["client"][0] if scope.get("client") else ""
        identity: Identity | None = scope["app"].state.services.identity
        if identity is None:
            return Visitor(Access.OWNER, address)
        return await identity.visitor(Headers(scope=scope), address)


def session_cookie(value: str, scheme: str) -> str:
    """The header by which a browser keeps the value of a session as long as Needle does."""
    secure = "; Secure" if scheme == "https" else ""
    attributes = f"HttpOnly; Max-Age={SESSION_SECONDS}; Path=/; SameSite=lax{secure}"
    return f"{SESSION_COOKIE}={value}; {attributes}"


def browser(session: Session, address: str) -> Visitor:
    """Somebody who has signed in."""
    return Visitor(session.role.access, address, session.device, session.digest)


def _cookie_in(headers: Headers) -> str:
    return cookie_parser(headers.get("cookie", "")).get(SESSION_COOKIE, "")


def _with_cookie(scope: Scope, send: Send) -> Send:
    cookie = session_cookie(_cookie_in(Headers(scope=scope)), scope["scheme"])

    async def send_with_cookie(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            # Not with what is kept for others, nor against what a route says of cookies itself.
            if "no-store" in headers.get("cache-control", "no-store"):
                headers.setdefault("set-cookie", cookie)
        await send(message)

    return send_with_cookie
