"""The containers, as far as they can be checked without an engine: static rules, and by running
the very commands that the images run."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML

from cli import valkey
from tests.cli.running import environment, needle
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
    if name == "accounts":  # ends when it has written them
        assert service["restart"] == "no"
        assert service["network_mode"] == "none"
        return
    assert service["restart"] == "unless-stopped"
    assert _healthcheck(name)


def test_only_the_page_is_published_and_to_loopback() -> None:
    published = {name: s["ports"] for name, s in SERVICES.items() if s.get("ports")}
    # Grafana shows figures to whoever reaches it: this machine only, and only if asked for.
    assert published.pop("grafana") == ["127.0.0.1:${GRAFANA_PORT:-3000}:3000"]
    assert SERVICES["grafana"]["profiles"] == ["monitoring"]
    assert list(published) == ["web"]
    assert all(port.startswith("${BIND:-127.0.0.1}:") for port in published["web"])
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert SERVICES["redis"]["networks"] == ["inside"]


def test_redis_keeps_what_it_is_given() -> None:
    command = SERVICES["redis"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--maxmemory-policy"] == "noeviction"
    assert SERVICES["redis"]["volumes"][0] == "redis:/data"


def test_each_part_has_its_own_account_of_redis() -> None:
    """Passwords stand in no file of ours, and nobody sees those of another part."""
    command = SERVICES["redis"]["command"]
    assert command[command.index("--aclfile") + 1] == "/accounts/users.acl"
    assert "redis-accounts:/accounts:ro" in SERVICES["redis"]["volumes"]
    seen = {name: _accounts_of(service) for name, service in SERVICES.items()}
    assert seen == {
        "accounts": {"redis-accounts", "worker-account", "web-account"},
        "redis": {"redis-accounts"},
        "worker": {"worker-account"},
        "watcher": {"worker-account"},
        "web": {"web-account"},
        "prometheus": set(),
        "grafana": set(),
    }
    for name in ("worker", "watcher", "web"):
        environ = SERVICES[name]["environment"]
        assert environ["NEEDLE_REDIS_URL_FILE"] == "/account/redis-url"
        assert "NEEDLE_REDIS_URL" not in environ
    assert not re.search(
        r"redis://|requirepass|nopass", (ROOT / "docker-compose.yml").read_text().lower()
    )


def _accounts_of(service: dict[str, Any]) -> set[str]:
    names = {
        v["source"] if isinstance(v, dict) else v.partition(":")[0] for v in service["volumes"]
    }
    return {name for name in names if "account" in name}


def test_only_prometheus_reads_metrics_without_sign_in() -> None:
    networks = ipaddress.ip_network(SERVICES["web"]["environment"]["NEEDLE_METRICS_NETWORKS"])
    address = SERVICES["prometheus"]["networks"]["metrics"]["ipv4_address"]
    assert list(networks) == [ipaddress.ip_address(address)]
    [subnet] = COMPOSE["networks"]["metrics"]["ipam"]["config"]
    assert networks.subnet_of(ipaddress.ip_network(subnet["subnet"]))


def test_what_prometheus_and_grafana_mount_is_there() -> None:
    for name in ("prometheus", "grafana"):
        for mount in SERVICES[name]["volumes"]:
            source = mount.partition(":")[0]
            assert source in COMPOSE["volumes"] or (ROOT / source).is_dir(), mount


def test_music_is_mounted_read_only() -> None:
    mounts = [m for m in SERVICES["worker"]["volumes"] if m["target"] == "/music"]
    assert [mount["read_only"] for mount in mounts] == [True]


def test_images_are_pinned_and_have_no_root() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, flags=re.MULTILINE)
    images = {service["image"] for service in SERVICES.values() if "image" in service}
    outside = {base for base in bases if ":" in base} | images
    assert all(re.search(r":v?\d+\.\d+\.\d+", image) for image in outside)
    assert re.findall(r"^USER (.*)", DOCKERFILE, flags=re.MULTILINE) == ["10001:10001"]
    assert SERVICES["redis"]["user"] not in ("root", "0")


def test_commands_of_the_images_work(tmp_path: Path) -> None:
    """The accounts are made, Redis takes them, worker and page work with them."""
    music, accounts = tmp_path / "music", tmp_path / "accounts"
    music.mkdir()
    port, redis_port = str(free_port()), str(free_port())
    make = [*SERVICES["accounts"]["command"][:-2], str(accounts), f"127.0.0.1:{redis_port}"]
    subprocess.run([sys.executable, *make[1:]], cwd=ROOT, check=True)
    changes = {
        "NEEDLE_MUSIC": str(music),
        "NEEDLE_DATA": str(tmp_path / "data"),
        "NEEDLE_PORT": port,
    }

    def as_part(name: str) -> dict[str, str]:
        return changes | {"NEEDLE_REDIS_URL_FILE": str(accounts / name / "redis-url")}

    with _redis(tmp_path, redis_port, accounts / "redis/users.acl"):
        with _service("worker", as_part("worker")), _service("web", as_part("web")):
            for name in ("web", "worker"):
                wait_until(lambda n=name: _is_healthy(n, as_part(n)), seconds=60, what=name)  # type: ignore[misc]
            status = httpx.get(f"http://127.0.0.1:{port}/readyz").json()
            assert status["status"] == "ready"
            # docker compose exec web needle login-link
            here = {"NEEDLE_URL": f"http://127.0.0.1:{port}", "NEEDLE_PUBLIC_URL": ""}
            made = needle("login-link", **_environ("web", as_part("web") | here))
            assert made.stdout.startswith(f"http://127.0.0.1:{port}/login?c="), made.stderr
        assert not _is_healthy("web", as_part("web"))


def test_confined_command_writes_only_where_it_may(tmp_path: Path) -> None:
    (data := tmp_path / "data").mkdir()
    (music := tmp_path / "music").mkdir()
    for folder in (data, music, ROOT):
        touch = [*_confined(data), "touch", folder / "touched"]
        subprocess.run(touch, check=False, stderr=subprocess.DEVNULL)
    assert (data / "touched").exists()
    if sys.platform == "linux":
        assert not (music / "touched").exists()
        assert not (ROOT / "touched").exists()


def test_page_in_a_container_is_never_without_sign_in(private_valkey: ValkeyServer) -> None:
    command, image_environ = _image("web")
    environ = environment(**image_environ, NEEDLE_REDIS_URL=private_valkey.url, PATH=_path())
    done = subprocess.run(
        command,
        env=environ | {"NEEDLE_AUTH": "off"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert "NEEDLE_AUTH=off" in done.stderr


@contextmanager
def _redis(folder: Path, port: str, acl_file: Path) -> Iterator[None]:
    """The command of the service `redis`, with its files in `folder`."""
    command = [valkey_binary(), *SERVICES["redis"]["command"][1:]]
    more = ["--port", port, "--dir", str(folder), "--bind", "127.0.0.1", "--aclfile", str(acl_file)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, *more], stdout=log)
    try:
        # What its health check asks, without a password as there.
        assert SERVICES["redis"]["healthcheck"]["test"] == ["CMD", "valkey-cli", "ping"]
        url = f"redis://127.0.0.1:{port}/0"
        wait_until(lambda: valkey.problem(url) is None, what="redis is healthy")
        assert (folder / "appendonlydir").exists()
        yield
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
    data = Path(changes["NEEDLE_DATA"])
    data.mkdir(exist_ok=True)
    command, _ = _image(target)
    process = subprocess.Popen(
        [*_confined(data), *command],
        env=_environ(target, changes) | {"TMPDIR": str(data)},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(15) == 0


def _confined(writable: Path) -> list[str]:
    """What makes a command see what it would in its container: no file may be written but those in
    `writable`, and it has no capability and can get none.  (Only Linux can do so.)"""
    if not shutil.which("unshare"):
        return []
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    script = (
        'mount --bind "$0" "$0" && mount -o remount,bind,ro / '
        '&& exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all "$@"'
    )
    return ["unshare", *user, "--mount", "sh", "-c", script, str(writable)]


def _is_healthy(target: str, changes: dict[str, str]) -> bool:
    check = subprocess.run(_healthcheck(target), env=_environ(target, changes), check=False)
    return check.returncode == 0


def _path() -> str:
    return os.pathsep.join((str(BIN), os.environ["PATH"]))


def _succeeds(*command: str | Path) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
