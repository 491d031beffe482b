"""Who asks: what they may do, and how the list of activity names them."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from starlette.types import Scope

SESSION_COOKIE = "needle_session"
_KEY = "needle.visitor"
#: `Visitor.access` as a word: for templates (`role`) and the list of activity.
ROLES = ("", "viewer", "operator", "operator")


class Role(StrEnum):
    """What somebody who signed in may do."""

    VIEWER = "viewer"  #: look
    OPERATOR = "operator"  #: look, start, stop, change

    @property
    def access(self) -> int:
        """As a number of `web.access.Access`."""
        return ROLES.index(self.value)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who sent a request."""

    access: int = 0  #: at most, see `web.access.Access`
    address: str = ""
    device: str = ""  #: the browser, or the name of a token
    session: str = ""  #: digest of a session, or id of a token; "" without one
    actor: str = ""  #: `terminal` or `api` for programs, "" for browsers
    is_in_doubt: bool = False  #: Redis is away, so it could not be found out who this is

    @property
    def role(self) -> str:
        """`operator`, `viewer`, or "" for somebody who has not signed in."""
        return ROLES[self.access]

    def named(self, otherwise: str) -> str:
        """How requests are named: `terminal`, `api`, or as `otherwise` says."""
        return self.actor or otherwise

    @property
    def has_signed_in(self) -> bool:
        """Whether there is a session that can be left."""
        return bool(self.session) and not self.actor


#: Somebody of whom nothing is known.
NOBODY = Visitor()

#: Who sent the request that is being answered: what is done, is done in their name.
current: ContextVar[Visitor] = ContextVar("needle.visitor", default=NOBODY)


def visitor_in(scope: Scope) -> Visitor:
    """Who sent the request of `scope`."""
    return cast(Visitor, scope.get(_KEY, NOBODY))


def remember(scope: Scope, visitor: Visitor) -> None:
    """Say who sent the request of `scope`."""
    scope[_KEY] = visitor
    current.set(visitor)
