"""The browser files are fetched at build time, and only the very bytes of the lockfile."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import tarfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import hatch_build
from hatch_build import FetchError, fetch, integrity, is_current
from web.assets import Assets
from web.render import Renderer
from web.state import State

FILES = {"vendor": {"tiny/tiny.js": "tiny.min.js"}}
SOURCE = b"window.tiny = true;\n"


def package() -> bytes:
    """An npm package `tiny` with one script, and a hook that must never run."""
    manifest = {"name": "tiny", "version": "1.0.0", "scripts": {"install": "touch ../../ran"}}
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, data in (("package.json", json.dumps(manifest).encode()), ("tiny.js", SOURCE)):
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return archive.getvalue()


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[bytes]:
    """A package registry on loopback that holds `tiny`, and npm told to use it; its archive."""
    archive = package()

    class Registry(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = archive
            if not self.path.endswith(".tgz"):
                host = f"http://127.0.0.1:{self.server.server_port}"  # type: ignore[attr-defined]
                dist = {"tarball": f"{host}/tiny/-/tiny-1.0.0.tgz", "integrity": sha512(archive)}
                version = {"name": "tiny", "version": "1.0.0", "dist": dist}
                body = json.dumps({"name": "tiny", "versions": {"1.0.0": version}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm-cache"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    yield archive
    server.shutdown()
    thread.join()
    server.server_close()


def sha512(data: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def project(folder: Path, expected: str) -> Path:
    """A project that depends on `tiny` with that hash."""
    folder.mkdir()
    dependencies = {"tiny": "1.0.0"}
    lock = {
        "lockfileVersion": 3,
        "requires": True,
        "packages": {
            "": {"dependencies": dependencies},
            "node_modules/tiny": {"version": "1.0.0", "integrity": expected},
        },
    }
    (folder / "package.json").write_text(json.dumps({"dependencies": dependencies}))
    (folder / "package-lock.json").write_text(json.dumps(lock))
    shutil.copy(hatch_build.ROOT / ".npmrc", folder)
    return folder


def test_files_of_the_lockfile_are_fetched(registry: bytes, tmp_path: Path) -> None:
    root = project(tmp_path / "project", sha512(registry))
    fetch(FILES, root)
    assert (root / "vendor/tiny.min.js").read_bytes() == SOURCE
    manifest = json.loads((root / "vendor/manifest.json").read_text())
    assert manifest["files"] == {"tiny.min.js": integrity(SOURCE)}
    assert not list(tmp_path.rglob("ran"))


def test_wrong_hash_stops(registry: bytes, tmp_path: Path) -> None:
    root = project(tmp_path / "project", sha512(registry + b"!"))
    with pytest.raises(FetchError, match="EINTEGRITY"):
        fetch(FILES, root)
    assert not (root / "vendor").exists()


def test_only_what_is_old_is_fetched_again(
    registry: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project(tmp_path / "project", sha512(registry))
    fetch(FILES, root)
    script, lock = root / "vendor/tiny.min.js", root / "package-lock.json"
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    fetch(FILES, root)  # nothing is asked of the registry that is gone

    script.write_bytes(b"damaged")
    assert not is_current(FILES, root)
    script.write_bytes(SOURCE)
    assert is_current(FILES, root)
    lock.write_text(lock.read_text() + "\n")
    assert not is_current(FILES, root)


def test_lockfile_names_versions_and_no_host() -> None:
    text = (hatch_build.ROOT / "package-lock.json").read_text()
    packages = json.loads(text)["packages"]
    assert "://" not in text
    assert all(entry["integrity"] for name, entry in packages.items() if name)
    wanted = json.loads((hatch_build.ROOT / "package.json").read_text())
    pins = {**wanted["dependencies"], **wanted["devDependencies"]}
    assert {name: packages[f"node_modules/{name}"]["version"] for name in pins} == pins


def test_page_files_are_those_of_the_lockfile() -> None:
    assert is_current(hatch_build.PAGE_FILES), "run: python hatch_build.py"


def test_page_is_plain_without_its_scripts() -> None:
    renderer = Renderer(Assets({}, {}), ZoneInfo("UTC"))
    html = renderer.page(
        "index.html", language="en", theme="auto", role="operator", state=State(1, time.time())
    )
    assert "<script" not in html
    assert "not live" in html
