"""Who asks: what they may do, and how the list of activity names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from starlette.types import Scope

SESSION_COOKIE = "needle_session"
_KEY = "needle.visitor"
#: `Visitor.access` as a word: for templates (`role`) and the list of activity.
ROLES = ("", "viewer", "operator")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who sent a request."""

    access: int = 0  #: see `web.access.Access`

    @property
    def role(self) -> str:
        """`operator`, `viewer`, or "" for somebody who has not signed in."""
        return ROLES[self.access]


#: Whoever asks while there is no sign-in.
EVERYBODY = Visitor(access=2)


def visitor_in(scope: Scope) -> Visitor:
    """Who sent the request of `scope`."""
    return cast(Visitor, scope.get(_KEY, EVERYBODY))


def remember(scope: Scope, visitor: Visitor) -> None:
    """Say who sent the request of `scope`."""
    scope[_KEY] = visitor
