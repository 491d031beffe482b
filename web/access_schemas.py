"""The shapes of what the API of sessions, login links and tokens takes and gives."""

from __future__ import annotations

from web.schemas import COUNT, TEXT, TIME_OR_NULL, Schema, list_of, object_of, ref
from web.tokens import Scope
from web.visitor import Role

_TOKEN = {"id": TEXT, "name": TEXT, "scope": TEXT, "created_at": TIME_OR_NULL}

ACCESS_SCHEMAS: dict[str, Schema] = {
    "LoginLinkRequest": {
        "type": "object",
        "properties": {"role": {"type": "string", "enum": [role.value for role in Role]}},
        "required": ["role"],
    },
    "LoginLink": object_of(
        path={"type": "string", "description": "To be put behind an address of Needle."},
        role=TEXT,
        seconds=COUNT,
        public_url={"type": "string", "description": "NEEDLE_PUBLIC_URL, or empty."},
    ),
    "Session": object_of(
        id=TEXT,
        role=TEXT,
        device=TEXT,
        address=TEXT,
        created_at=TIME_OR_NULL,
        seen_at=TIME_OR_NULL,
        expires_at=TIME_OR_NULL,
    ),
    "Sessions": object_of(sessions=list_of(ref("Session"))),
    "TokenRequest": {
        "type": "object",
        "properties": {
            "scope": {"type": "string", "enum": [scope.value for scope in Scope]},
            "name": {"type": "string", "description": "What it is for; cut to 60 characters."},
        },
        "required": ["scope"],
    },
    "Token": object_of(**_TOKEN),
    "NewToken": object_of(**_TOKEN, token=TEXT),
    "Tokens": object_of(tokens=list_of(ref("Token"))),
}
