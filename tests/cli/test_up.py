"""`needle up` with real processes: it comes up, survives, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import stat
import time
from pathlib import Path

import psutil
import pytest

from cli.resp import Connection, RedisRefusalError
from tests.cli.running import Up, is_alive, needle, needle_up
from tests.servers import ValkeyServer, wait_until


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_everything_starts_and_stops(data: Path, music: Path, number: signal.Signals) -> None:
    with needle_up(data, music) as up:
        assert up.get("/healthz")
        assert {up.pid(part) for part in ("redis", "worker", "web")} <= {
            process.pid for process in up.family()
        }
        assert up.part("worker").children(), "the worker has a pool"

        begun = time.monotonic()
        assert up.stop(number) == 0

        assert time.monotonic() - begun < 10
        assert up.said("Needle has stopped")
        assert not (data / "instance.json").exists()


def test_up_process_is_light(data: Path, music: Path) -> None:
    with needle_up(data, music) as up:
        assert psutil.Process(up.process.pid).memory_info().rss < 30 * 2**20


def test_data_folder_is_private(data: Path, music: Path) -> None:
    with needle_up(data, music) as up:
        paths = [data, data / "redis", data / "logs", *(data / "logs").iterdir()]
        assert (data / "library.db").exists()
        assert all(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 for path in paths)
        assert up.said("redis .*private")
        assert up.said("redis-cli -[sp] ")


def test_killed_up_takes_all_parts_along(data: Path, music: Path) -> None:
    with needle_up(data, music) as up:
        up.process.kill()

        up.wait_gone()


def test_killed_watchman_is_replaced(data: Path, music: Path) -> None:
    with needle_up(data, music) as up:
        first = _watchman(up)
        first.kill()
        wait_until(lambda: (found := _watchman(up)) and found != first, what="another watchman")

        up.process.kill()

        up.wait_gone()


def test_up_after_a_kill_waits_for_the_parts(data: Path, music: Path) -> None:
    with needle_up(data, music) as killed:
        with Connection(f"redis+socket://{data}/redis/redis.sock") as redis:
            redis.command("SET", "kept", "yes")
        _wait_for_disk(data)
        killed.process.kill()

        with needle_up(data, music):
            killed.wait_gone()
            with Connection(f"redis+socket://{data}/redis/redis.sock") as redis:
                assert redis.command("GET", "kept") == b"yes"


@pytest.mark.parametrize("name", ["redis", "worker", "web"])
def test_killed_part_is_started_again(data: Path, music: Path, name: str) -> None:
    with needle_up(data, music) as up:
        old = up.part(name)
        children = old.children(recursive=True)

        old.kill()

        wait_until(lambda: up.said(rf"needle: {name} ended \(SIGKILL\): starting it again"))
        wait_until(lambda: up.said(rf"{name} answers again \(pid"), seconds=60)
        assert up.pid(name) != old.pid
        assert not [child for child in children if is_alive(child)]
        assert up.get("/healthz")
        assert not up.said("Warning: "), "no paragraph of a library"
        assert bool(up.said("the worker runs as root")) == (os.geteuid() == 0)


def test_frozen_parts_do_not_delay_the_stop(data: Path, music: Path) -> None:
    with needle_up(data, music) as up:
        for part in ("worker", "web"):
            up.part(part).suspend()

        up.process.terminate()

        assert up.process.wait(10) == 0
        up.wait_gone()


def test_second_interrupt_forces_the_stop(data: Path, music: Path) -> None:
    with needle_up(data, music) as up:
        up.part("worker").suspend()
        up.process.send_signal(signal.SIGINT)
        wait_until(lambda: up.said("Stopping"))
        begun = time.monotonic()

        def ended() -> bool:
            up.process.send_signal(signal.SIGINT)
            return up.process.poll() is not None

        wait_until(ended, seconds=3, what="forced stop")
        assert time.monotonic() - begun < 3
        up.wait_gone()


def test_second_up_names_the_first(data: Path, music: Path) -> None:
    with needle_up(data, music) as up:
        second = needle("up", str(music), "--data", str(data), "--port", "1")
        assert second.returncode == 1
        assert f"already runs on {data}: {up.url} (pid {up.process.pid})" in second.stderr


def test_named_server_is_used_and_left_running(
    data: Path, music: Path, private_valkey: ValkeyServer
) -> None:
    with private_valkey.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        with needle_up(data, music, NEEDLE_REDIS_URL=private_valkey.url) as up:
            assert up.said(r"Using Redis: .*NEEDLE_REDIS_URL")
            assert up.said(r"redis .*NEEDLE_REDIS_URL")
            assert up.said("maxmemory-policy allkeys-lru, which loses tasks")
            assert client.zcard("needle:workers") == 1
        assert private_valkey.answers()


def test_deep_data_folder_needs_no_socket(tmp_path: Path, music: Path) -> None:
    deep = tmp_path / ("d" * 100) / "häuser"
    deep.parent.mkdir()
    with needle_up(deep, music) as up:
        assert up.get("/healthz")
        assert not list((deep / "redis").glob("*.sock"))
        file = deep / "redis/password"
        password = file.read_text().strip()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert len(password) >= 32
        (port,) = up.said(rf"REDISCLI_AUTH=.*{deep.name}.* redis-cli -p (\d+)").groups()
        with Connection(f"redis://:{password}@127.0.0.1:{port}") as redis:
            assert redis.command("PING") == b"PONG"
        with pytest.raises(RedisRefusalError), Connection(f"redis://127.0.0.1:{port}") as redis:
            redis.command("PING")
        assert not any(password in word for part in up.family() for word in part.cmdline())
        logs = b"".join(log.read_bytes() for log in (deep / "logs").iterdir())
        assert password.encode() not in logs + up.output.encode()


def test_options_go_before_files_of_settings(tmp_path: Path, data: Path, music: Path) -> None:
    for name, value in (("music", "/nowhere"), ("data", "/nowhere"), ("port", "1")):
        (tmp_path / f"{name}.txt").write_text(value)
    files = {
        f"NEEDLE_{n.upper()}_FILE": str(tmp_path / f"{n}.txt") for n in ("music", "data", "port")
    }
    with needle_up(data, music, **files) as up:
        assert up.said(f"music +{music}")


def test_closed_terminal_ends_it(data: Path, music: Path) -> None:
    with needle_up(data, music) as up:
        os.kill(up.process.pid, signal.SIGHUP)
        assert up.process.wait(10) == 0
        up.wait_gone()


def _watchman(up: Up) -> psutil.Process | None:
    children = psutil.Process(up.process.pid).children()
    return next((child for child in children if child.name() == "sh"), None)


def _wait_for_disk(data: Path) -> None:
    """Until the append-only file, written every second, holds the key."""
    files = data / "redis" / "appendonlydir"
    wait_until(lambda: any(b"kept" in file.read_bytes() for file in files.iterdir()))
