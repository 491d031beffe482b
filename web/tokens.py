"""API tokens: for programs, made by `needle tokens`, kept as digests in the data folder.

Not in Redis, which may be emptied at any moment: people sign in again then, programs cannot.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from web.refusal import RefusedError
from web.vault import LONGEST_CHARS, Vault, VaultError, new_token, write_private
from web.visitor import Role
from wire.events import EventError, load

NAME = "tokens.json"
TOKENS_MAX = 100


class Scope(StrEnum):
    """What a token is for."""

    READ = "read"
    OPERATE = "operate"

    @property
    def role(self) -> Role:
        """Whose rights it gives."""
        return Role.OPERATOR if self is Scope.OPERATE else Role.VIEWER


@dataclass(frozen=True, slots=True)
class Token:
    """A token that was given to a program."""

    id: str
    name: str
    scope: Scope
    created_at: float
    digest: str


class Tokens:
    """The tokens of a data folder; nobody else writes them while this runs."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        self._path, self._vault = folder / NAME, vault
        self._tokens = _read(self._path)

    def all(self) -> list[Token]:
        """Every token, the newest first."""
        return sorted(self._tokens.values(), key=lambda token: token.created_at, reverse=True)

    def find(self, value: str) -> Token | None:
        """The token that `value` is, None when it is none."""
        if len(value) > LONGEST_CHARS:
            return None
        return self._tokens.get(self._vault.digest("token", value))

    def has(self, token_id: str) -> bool:
        """Whether there is such a token, still."""
        return any(token.id == token_id for token in self._tokens.values())

    def create(self, scope: Scope, name: str) -> tuple[str, Token]:
        """A new token and what it is, which is told once.  Raises RefusedError."""
        if len(self._tokens) >= TOKENS_MAX:
            raise RefusedError(
                409, "too_many_tokens", "There are too many tokens already: revoke some."
            )
        value = new_token()
        digest = self._vault.digest("token", value)
        token = Token(secrets.token_hex(4), name, scope, time.time(), digest)
        self._keep(self._tokens | {digest: token})
        return value, token

    def revoke(self, token_id: str) -> Token:
        """Make a token worthless.  Raises RefusedError (404)."""
        token = next((t for t in self._tokens.values() if t.id == token_id), None)
        if token is None:
            raise RefusedError(404, "unknown_token", "There is no token with this id.")
        self._keep({d: t for d, t in self._tokens.items() if t.id != token_id})
        return token

    def _keep(self, tokens: dict[str, Token]) -> None:
        documents = [asdict(token) for token in tokens.values()]
        try:
            write_private(self._path, json.dumps(documents, indent=1) + "\n")
        except OSError as error:
            raise RefusedError(
                503, "not_saved", f"The tokens cannot be saved: {error.strerror}."
            ) from None
        self._tokens = tokens


def _read(path: Path) -> dict[str, Token]:
    """The tokens in a file.  Raises VaultError: they cannot be read."""
    try:
        documents = json.loads(path.read_text("utf-8"))
        tokens = [load(Token, json.dumps(document)) for document in documents]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, EventError) as error:
        raise VaultError(f"{path} cannot be read: {error}") from None
    return {token.digest: token for token in tokens}
