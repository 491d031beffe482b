"""The secrets of one data folder: made at the first start, readable by nobody else.

Standard library only, for `needle up` makes them too, and its process is to stay small.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

SECRET_NAME, TOKEN_NAME = "secret", "operator-token"
#: Both are 256 random bits; a token says whose it is, so that scanners for leaked ones find it.
_SECRET = re.compile(r"[0-9a-f]{64}")
_TOKEN = re.compile(r"needle_[\w-]{43}", re.ASCII)
#: No cookie or token of ours is longer.
LONGEST_CHARS = 200
DIGEST_CHARS = 64


class VaultError(Exception):
    """The secrets cannot be kept, so Needle must not start: one plain sentence."""


@dataclass(frozen=True, slots=True)
class Vault:
    """The secrets of a data folder.  Never printed: it has no `repr`."""

    secret: bytes
    operator_token: str

    def __repr__(self) -> str:
        return "Vault(…)"

    def digest(self, kind: str, value: str) -> str:
        """What is kept of a secret `value`: of no use to who reads it where it is kept."""
        text = f"{kind}:{value}".encode("utf-8", "surrogatepass")
        return hmac.new(self.secret, text, hashlib.sha256).hexdigest()

    def seal(self, kind: str, text: str) -> str:
        """`text` with a mark that only this vault can make."""
        return self.digest(kind, text) + text

    def unseal(self, kind: str, sealed: str) -> str | None:
        """The text that `seal` was given, None when it was not this vault's."""
        mark, text = sealed[:DIGEST_CHARS], sealed[DIGEST_CHARS:]
        ours = self.digest(kind, text).encode()
        return text if hmac.compare_digest(mark.encode("utf-8", "replace"), ours) else None

    def is_operator_token(self, value: str) -> bool:
        """Whether `value` is the token of whoever may read the data folder."""
        return hmac.compare_digest(self.operator_token.encode(), value.encode("utf-8", "replace"))


def new_token() -> str:
    """A token nobody can guess."""
    return "needle_" + secrets.token_urlsafe(32)


def open_vault(folder: Path) -> Vault:
    """The secrets of `folder`, made now if there are none.  Raises VaultError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        secret = _kept(folder / SECRET_NAME, secrets.token_hex(32), _SECRET)
        token = _kept(folder / TOKEN_NAME, new_token(), _TOKEN)
    except OSError as error:
        raise VaultError(
            f"the secrets cannot be kept in the data folder {folder}: {error.strerror}"
        ) from None
    return Vault(bytes.fromhex(secret), token)


def read_operator_token(folder: Path) -> str:
    """The operator token of a data folder, "" when there is none that can be read."""
    try:
        text = _read(folder / TOKEN_NAME)
    except (OSError, VaultError):
        return ""
    return text if _TOKEN.fullmatch(text) else ""


def _kept(path: Path, fresh: str, form: re.Pattern[str]) -> str:
    """What the file holds; `fresh` when it was not there."""
    if not os.path.lexists(path):
        write_private(path, fresh + "\n", replace=False)
    text = _read(path)
    if not form.fullmatch(text):
        raise VaultError(f"{path} is damaged: delete it, and everybody signs in again")
    return text


def _read(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise VaultError(f"{path} is not a file of this user")
        if stat.S_IMODE(found.st_mode) & 0o077:
            raise VaultError(f"others may read {path}: chmod 600, or delete it for a new one")
        return file.read(4 * LONGEST_CHARS).decode("utf-8", "replace").strip()


def write_private(path: Path, text: str, *, replace: bool = True) -> None:
    """Write a file, whole or not at all, that only its owner can read.  Raises OSError.

    Without `replace` a file that is there already is left as it is.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(temporary, path)
            return
        with contextlib.suppress(FileExistsError):  # another process was first: its is right
            os.link(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
