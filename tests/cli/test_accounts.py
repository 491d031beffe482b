"""The accounts of Redis: secret, kept, and without the rights that do harm."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from cli.accounts import write_accounts
from tests.cli.running import needle
from tests.servers import free_port, valkey

FORBIDDEN = (
    "FLUSHALL", "FLUSHDB", "CONFIG GET *", "SHUTDOWN", "KEYS *", "SCAN 0", "RANDOMKEY", "DBSIZE",
    "MONITOR", "ACL LIST", "CLIENT LIST", "CLIENT KILL TYPE normal", "SAVE", "BGREWRITEAOF",
    "REPLICAOF no one", "MODULE LIST", "FUNCTION LIST", "FUNCTION LOAD x", "FUNCTION FLUSH",
    "EVAL return(1) 0", "SLOWLOG GET", "SET other x", "GET other", "PUBLISH other x",
    "PSUBSCRIBE *",
)  # fmt: skip
FORBIDDEN_TO_WEB = (
    "DEL scan", "RPOP scan", "DEL unacked", "HDEL unacked x", "SET needle:epoch x",
    "DEL needle:roots", "SET needle:worker:x y", "LPUSH needle:dead x", "SET needle:trouble x",
    "SUBSCRIBE /0.celery.pidbox", "DEL _kombu.binding.scan",
)  # fmt: skip
CASES = [
    *(("worker", command) for command in FORBIDDEN),
    *(("web", command) for command in (*FORBIDDEN, *FORBIDDEN_TO_WEB)),
]


def url(folder: Path, user: str) -> str:
    return (folder / user / "redis-url").read_text().strip()


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of accounts, and a server that has read them."""
    folder, port = tmp_path_factory.mktemp("accounts"), free_port()
    write_accounts(folder, f"127.0.0.1:{port}")
    acl_file = str(folder / "redis/users.acl")
    with valkey(folder / "valkey", "--aclfile", acl_file, port=port):
        yield folder


def test_only_their_owners_read_them(tmp_path: Path) -> None:
    write_accounts(tmp_path)
    acl = (tmp_path / "redis/users.acl").read_text()
    for user in ("worker", "web"):
        file, parts = tmp_path / user / "redis-url", urlsplit(url(tmp_path, user))
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        assert (parts.username, parts.hostname, parts.port) == (user, "redis", 6379)
        assert len(str(parts.password)) >= 40
        assert str(parts.password) not in acl


def test_passwords_stay_and_rights_are_written_anew(tmp_path: Path) -> None:
    write_accounts(tmp_path)
    acl_file = tmp_path / "redis/users.acl"
    before, urls = acl_file.read_text(), [url(tmp_path, user) for user in ("worker", "web")]
    acl_file.write_text("user web on nopass +@all\n")
    write_accounts(tmp_path)
    assert acl_file.read_text() == before
    assert urls == [url(tmp_path, user) for user in ("worker", "web")]


def test_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "cli.accounts", str(tmp_path / "file/accounts")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("needle: the accounts cannot be written:")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("user", "command"), CASES)
def test_harm_is_refused(accounts: Path, user: str, command: str) -> None:
    with (
        redis.Redis.from_url(url(accounts, user)) as client,
        pytest.raises(redis.exceptions.NoPermissionError),
    ):
        client.execute_command(*command.split())


def test_queue_of_others_is_not_said_to_be_empty(accounts: Path) -> None:
    done = needle("purge-queue", "other", "--yes", NEEDLE_REDIS_URL=url(accounts, "worker"))
    assert done.returncode == 1
    assert "cannot be used: No permissions" in done.stderr


@pytest.mark.parametrize("command", ["GET x", "INFO", "AUTH web wrong", "CLIENT LIST"])
def test_nobody_without_a_password_may_do_anything(accounts: Path, command: str) -> None:
    address = url(accounts, "web").rpartition("@")[2]
    with redis.Redis.from_url(f"redis://{address}") as client:
        assert client.ping()
        with pytest.raises((redis.exceptions.NoPermissionError, redis.AuthenticationError)):
            client.execute_command(*command.split())
