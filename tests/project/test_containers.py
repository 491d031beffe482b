"""The containers, as far as they can be checked without an engine: static rules, and by running
the very commands that the images run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML

from tests.cli.running import environment
from tests.project.repository import ROOT
from tests.servers import ValkeyServer, free_port, valkey_binary, wait_until

BIN = Path(sys.executable).parent
COMPOSE: dict[str, Any] = YAML(typ="safe").load(ROOT / "docker-compose.yml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)


def test_dockerfile_is_clean() -> None:
    _succeeds(BIN / "hadolint", "Dockerfile")


def test_compose_file_follows_its_schema() -> None:
    _succeeds(
        BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"
    )


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_hardened(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["restart"] == "unless-stopped"
    assert _healthcheck(name)


def test_only_the_page_is_published_and_to_loopback() -> None:
    published = {name: s["ports"] for name, s in SERVICES.items() if s.get("ports")}
    assert list(published) == ["web"]
    assert all(port.startswith("127.0.0.1:") for port in published["web"])
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert SERVICES["redis"]["networks"] == ["inside"]


def test_redis_keeps_what_it_is_given() -> None:
    command = SERVICES["redis"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--maxmemory-policy"] == "noeviction"
    assert SERVICES["redis"]["volumes"] == ["redis:/data"]


def test_music_is_mounted_read_only() -> None:
    mounts = [m for m in SERVICES["worker"]["volumes"] if m["target"] == "/music"]
    assert [mount["read_only"] for mount in mounts] == [True]


def test_images_are_pinned_and_have_no_root() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, flags=re.MULTILINE)
    outside = {base for base in bases if ":" in base} | {SERVICES["redis"]["image"]}
    assert all(re.search(r":\d+\.\d+\.\d+-", image) for image in outside)
    assert re.findall(r"^USER (.*)", DOCKERFILE, flags=re.MULTILINE) == ["10001:10001"]
    assert SERVICES["redis"]["user"] not in ("root", "0")


def test_commands_of_the_images_work(tmp_path: Path, private_valkey: ValkeyServer) -> None:
    music = tmp_path / "music"
    music.mkdir()
    port = str(free_port())
    changes = {
        "NEEDLE_REDIS_URL": private_valkey.url,
        "NEEDLE_MUSIC": str(music),
        "NEEDLE_DATA": str(tmp_path / "data"),
        "NEEDLE_PORT": port,
    }
    with _service("worker", changes), _service("web", changes):
        wait_until(lambda: _is_healthy("web", changes), seconds=60, what="web is healthy")
        wait_until(lambda: _is_healthy("worker", changes), seconds=60, what="worker is healthy")
        status = httpx.get(f"http://127.0.0.1:{port}/readyz").json()
        assert status["status"] == "ready"
    assert not _is_healthy("web", changes)


def test_page_refuses_every_address_without_being_told(private_valkey: ValkeyServer) -> None:
    command, image_environ = _image("web")
    done = subprocess.run(
        command,
        env=environment(**image_environ, NEEDLE_REDIS_URL=private_valkey.url, PATH=_path()),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert "ssh -L" in done.stderr


def test_command_of_redis_works(tmp_path: Path) -> None:
    command = [valkey_binary(), *SERVICES["redis"]["command"][1:]]
    port = free_port()
    more = ["--port", str(port), "--dir", str(tmp_path), "--bind", "127.0.0.1"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([*command, *more], stdout=log)
    try:
        wait_until(lambda: (tmp_path / "appendonlydir").exists(), what="an append-only file")
    finally:
        process.terminate()
        assert process.wait(10) == 0


def _image(target: str) -> tuple[list[str], dict[str, str]]:
    """Command and environment of an image, as the Dockerfile has them."""
    stage = _stage(target)
    command = json.loads(re.findall(r"^CMD (\[.*\])$", stage, flags=re.MULTILINE)[-1])
    return command, dict(re.findall(r"\b(NEEDLE_\w+)=(\S+)", stage))


def _healthcheck(name: str) -> list[str]:
    check = SERVICES[name].get("healthcheck")
    if check:
        return list(check["test"])
    found = re.search(r"HEALTHCHECK [^\[]*CMD (\[.*\])$", _stage(name), flags=re.MULTILINE)
    return list(json.loads(found[1])) if found else []


def _stage(target: str) -> str:
    return DOCKERFILE.split(f"AS {target}\n")[1].split("\nFROM ")[0]


def _environ(target: str, changes: dict[str, str]) -> dict[str, str]:
    _, image_environ = _image(target)
    composed = {
        name: value
        for name, value in SERVICES[target]["environment"].items()
        if not value.startswith("${")
    }
    return environment(**{**image_environ, **composed, **changes, "PATH": _path()})


@contextmanager
def _service(target: str, changes: dict[str, str]) -> Iterator[None]:
    command, _ = _image(target)
    process = subprocess.Popen(command, env=_environ(target, changes), stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(15) == 0


def _is_healthy(target: str, changes: dict[str, str]) -> bool:
    check = subprocess.run(_healthcheck(target), env=_environ(target, changes), check=False)
    return check.returncode == 0


def _path() -> str:
    return os.pathsep.join((str(BIN), os.environ["PATH"]))


def _succeeds(*command: str | Path) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
