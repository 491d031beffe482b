"""Accounts of a shared Redis, each with the fewest rights: for containers and several machines.

`python -m cli.accounts FOLDER [HOST:PORT]` writes them before the first start: `redis/users.acl`
for the server, `worker/redis-url` and `web/redis-url` for `NEEDLE_REDIS_URL_FILE`.  Later
runs keep the passwords and write the rights anew.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from wire.names import QUEUE_NAMES
from wire.transport import waiting_lists

SERVER = "redis:6379"
ACL_FILE, URL_FILE = "redis/users.acl", "redis-url"

_LISTS = tuple(name for queue in QUEUE_NAMES for name in waiting_lists(queue))
#: What is only an operator's, programs that stay in the server, what tells the names of all keys.
_FORBIDDEN = "-@dangerous -@admin -function -scan -randomkey -dbsize"
_COMMON = (
    f"resetkeys resetchannels &/0.celery.pidbox -@all "
    f"+@connection +@transaction +@read {_FORBIDDEN} "
    "+info +time +publish +evalsha +script|load +script|exists"
)
_WORKER_KEYS = "~_kombu.binding* ~unacked* ~*.celery.pidbox* ~celery-task-meta-*"
#: What the page writes, after the prefix: scans and requests about them, limits of sizes, alerts
#: and their silences, who is signed in.
WEB_WRITES = (
    "active", "activity", "alerts", "alerts:*", "answer:*", "events", "login:*", "scan:*", "scans",
    "session:*", "sessions", "sizes", "sizes:*",
)  # fmt: skip


def rights(prefix: str) -> Mapping[str, str]:
    """Account -> what it may do, in the words of an ACL file."""
    web_keys = " ".join(f"~{prefix}:{key}" for key in WEB_WRITES)
    return {
        # Whoever has no password may ask whether it is alive: that is the health check.
        "default": "nopass resetkeys resetchannels -@all +ping",
        "worker": (
            f"{_COMMON} +@write +@pubsub {_FORBIDDEN} +info &/0.celeryev* &celery-task-meta-* "
            f"~{prefix}:* {_marked('~', _LISTS)} {_WORKER_KEYS}"
        ),
        # Reads what it shows; then, each in brackets, sends tasks and writes what is its own.
        "web": (
            f"{_COMMON} %R~{prefix}:* {_marked('%R~', _LISTS)} %R~unacked* "
            "%R~celery-task-meta-* "
            f"({_marked('%W~', _LISTS)} -@all +lpush) "
            "(~_kombu.binding* -@all +sadd +zadd +zrangebyscore +evalsha) "
            f"({web_keys} -@all +@write +@read -@blocking {_FORBIDDEN} +blpop +evalsha)"
        ),
    }


def acl_file(prefix: str, passwords: Mapping[str, str]) -> str:
    """The server's file of accounts; it holds digests, no passwords."""
    lines = []
    for user, rules in rights(prefix).items():
        password = passwords.get(user)
        digest = f"#{hashlib.sha256(password.encode()).hexdigest()} " if password else ""
        lines.append(f"user {user} on {digest}{rules}\n")
    return "".join(lines)


def write_accounts(folder: Path, server: str = SERVER, prefix: str = "needle") -> None:
    """Make what is missing in `folder`, and write the rights.  Raises OSError."""
    passwords = {}
    for user in ("worker", "web"):
        (folder / user).mkdir(parents=True, exist_ok=True, mode=0o700)
        file = folder / user / URL_FILE
        passwords[user] = _known_password(file) or secrets.token_urlsafe(32)
        _write(file, f"redis://{user}:{quote(passwords[user])}@{server}/0\n", 0o600)
    (folder / "redis").mkdir(parents=True, exist_ok=True)
    _write(folder / ACL_FILE, acl_file(prefix, passwords), 0o644)


def _marked(mark: str, names: tuple[str, ...]) -> str:
    return " ".join(mark + name for name in names)


def _known_password(file: Path) -> str:
    try:
        return unquote(urlsplit(file.read_text().strip()).password or "")
    except FileNotFoundError:
        return ""


def _write(file: Path, text: str, mode: int) -> None:
    """Put `text` in place at once, never readable by others for a moment."""
    fresh = file.with_name(file.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
        os.fchmod(out.fileno(), mode)
    fresh.replace(file)


def main() -> int:
    """Write the accounts; the exit code."""
    words = sys.argv[1:]
    if not 1 <= len(words) <= 2 or not re.fullmatch(r"[^/@]+:\d+", [*words, SERVER][1]):
        print("python -m cli.accounts FOLDER [HOST:PORT]", file=sys.stderr)
        return 2
    try:
        write_accounts(Path(words[0]), *words[1:])
    except OSError as error:
        print(f"needle: the accounts cannot be written: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
