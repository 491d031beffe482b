"""The JSON API of who may come in: what `needle login-link`, `sessions` and `tokens` use.

It takes the operator token of the data folder and nothing less: a token that leaked must not
make others, and somebody at a page must not turn a short visit into a lasting one.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from web.devices import clean_name
from web.errors import ApiResponse
from web.identity import Identity
from web.operations import PREFIX, Operation, json_body
from web.refusal import RefusedError
from web.services import services
from web.sessions import Session
from web.tokens import Scope, Token
from web.views import iso
from web.visitor import Role
from wire.keys import LOGIN_SECONDS

T = TypeVar("T", Role, Scope)


async def make_login_link(request: Request) -> Response:
    """A one-time code that signs one browser in."""
    identity, body = _identity(request), await json_body(request)
    role = _choice(Role, body.get("role"), "role")
    code = await identity.sessions.new_code(role)
    await services(request).activity.write(f"login_link.{role.value}")
    document = {
        "path": f"/login?c={code}",
        "role": role.value,
        "seconds": LOGIN_SECONDS,
        "public_url": services(request).settings.public_url,
    }
    return ApiResponse(document, 201)


async def list_sessions(request: Request) -> Response:
    """Everybody who is signed in."""
    sessions = await _identity(request).sessions.all()
    return ApiResponse({"sessions": [_session_json(session) for session in sessions]})


async def revoke_session(request: Request) -> Response:
    """Sign a browser out."""
    parts, sessions = services(request), _identity(request).sessions
    wanted = request.path_params["session_id"]
    session = next((s for s in await sessions.all() if s.id == wanted), None)
    if session is None:
        raise RefusedError(404, "unknown_session", "There is no session with this id.")
    await sessions.end(session.digest)
    parts.streams.end(session.digest)
    await parts.activity.write("session.revoked", target=session.device)
    return ApiResponse(_session_json(session))


async def list_tokens(request: Request) -> Response:
    """The API tokens, without what they are."""
    tokens = _identity(request).tokens.all()
    return ApiResponse({"tokens": [_token_json(token) for token in tokens]})


async def create_token(request: Request) -> Response:
    """A new API token, told once."""
    identity, body = _identity(request), await json_body(request)
    scope, name = _choice(Scope, body.get("scope"), "scope"), body.get("name", "")
    if not isinstance(name, str):
        raise RefusedError(422, "invalid_name", "name: a text is needed.")
    value, token = identity.tokens.create(scope, clean_name(name))
    await services(request).activity.write("token.created", target=token.name or token.id)
    return ApiResponse(_token_json(token) | {"token": value}, 201)


async def revoke_token(request: Request) -> Response:
    """Make an API token worthless."""
    parts = services(request)
    token = _identity(request).tokens.revoke(request.path_params["token_id"])
    parts.streams.end(token.id)
    await parts.activity.write("token.revoked", target=token.name or token.id)
    return ApiResponse(_token_json(token))


def _identity(request: Request) -> Identity:
    identity = services(request).identity
    if identity is None:
        raise RefusedError(409, "sign_in_is_off", "Nobody signs in here: NEEDLE_AUTH is off.")
    return identity


def _choice(kind: type[T], value: object, field: str) -> T:
    try:
        return kind(str(value))
    except ValueError:
        names = " or ".join(kind)
        raise RefusedError(422, f"invalid_{field}", f"{field}: {names} is needed.") from None


def _session_json(session: Session) -> dict[str, Any]:
    return {
        "id": session.id,
        "role": session.role.value,
        "device": session.device,
        "address": session.address,
        "created_at": iso(session.created_at),
        "seen_at": iso(session.seen_at),
        "expires_at": iso(session.expires_at),
    }


def _token_json(token: Token) -> dict[str, Any]:
    document = asdict(token) | {"created_at": iso(token.created_at)}
    del document["digest"]
    return document


_FAULTS = {409: "Error", 413: "Error", 415: "Error", 422: "Error", 503: "Error"}

OPERATIONS = (
    Operation(
        "POST",
        f"{PREFIX}/login-links",
        "makeLoginLink",
        "Make a link that signs one browser in, once, within ten minutes: an address of Needle "
        "followed by `path`.",
        make_login_link,
        {201: "LoginLink", **_FAULTS},
        body="LoginLinkRequest",
    ),
    Operation(
        "GET",
        f"{PREFIX}/sessions",
        "listSessions",
        "Browsers that are signed in, the newest first.",
        list_sessions,
        {200: "Sessions", 409: "Error", 503: "Error"},
    ),
    Operation(
        "DELETE",
        f"{PREFIX}/sessions/{{session_id}}",
        "revokeSession",
        "Sign a browser out; its live pages end at once.",
        revoke_session,
        {200: "Session", 404: "Error", 409: "Error", 503: "Error"},
    ),
    Operation(
        "GET",
        f"{PREFIX}/tokens",
        "listTokens",
        "Tokens of programs, the newest first, without what they are.",
        list_tokens,
        {200: "Tokens", 409: "Error"},
    ),
    Operation(
        "POST",
        f"{PREFIX}/tokens",
        "createToken",
        "Make a token for a program; `token` is told here and never again.",
        create_token,
        {201: "NewToken", **_FAULTS},
        body="TokenRequest",
    ),
    Operation(
        "DELETE",
        f"{PREFIX}/tokens/{{token_id}}",
        "revokeToken",
        "Make a token worthless.",
        revoke_token,
        {200: "Token", 404: "Error", 409: "Error", 503: "Error"},
    ),
)
