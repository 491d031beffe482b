"""What lies in the repository: locks that hold, nothing of one machine, nothing of others."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.project.repository import ROOT, committed

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
#: Written apart, so that this file does not hold what it looks for.
REGISTRIES = ("py" + "pi.org", "python" + "hosted.org", "registry." + "npm" + "js.org")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_lock_has_hashes_and_no_host(lock: Path) -> None:
    text = lock.read_text()
    packages = re.findall(r"^[a-z0-9][^\s]*==[^\s]+", text, flags=re.MULTILINE)
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert packages
    assert len(packages) == len(entries)
    assert all("--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"://|^-|--(?:index|find|trusted)|^ *#", text, flags=re.MULTILINE)


def test_locks_hold_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    wanted = {
        "run": project["project"]["dependencies"],
        "build": [*groups["build"], *project["build-system"]["requires"]],
        "node": groups["node"],
        "test": [*groups["test"], *groups["lint"]],
    }
    assert {lock.stem for lock in LOCKS} == set(wanted)
    for name, requirements in wanted.items():
        locked = _names((ROOT / f"requirements/{name}.txt").read_text().splitlines())
        assert _names(requirements) <= locked, name


def test_locks_agree_on_versions() -> None:
    versions: dict[str, str] = {}
    for lock in LOCKS:
        for name, version in re.findall(r"^([a-z0-9-]+)==(\S+)", lock.read_text(), flags=re.M):
            assert versions.setdefault(name, version) == version, name


def test_nothing_names_a_registry_or_this_machine() -> None:
    forbidden = re.compile("|".join([*map(re.escape, REGISTRIES), "/ro" + "ot/", r"/home/\w+/"]))
    for file in committed():
        text = file.read_bytes().decode("utf-8", "replace")
        found = forbidden.search(text)
        assert not found, (file, found)
        assert str(ROOT) + "/" not in text, file


def test_no_downloaded_file_is_committed() -> None:
    assert not committed("web/static/vendor/*", "node_modules/*", "*.min.js", "*.mo", "*.whl")


def _names(requirements: list[str]) -> set[str]:
    matches = (re.match(r"[A-Za-z0-9_.-]+", line) for line in requirements)
    return {re.sub(r"[_.]", "-", match[0].lower()) for match in matches if match}
