"""The Makefile's own part: finding a Python, making the environment, saying what is missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.repository import ROOT


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the Makefile, in a path with a space."""
    folder = tmp_path / "a clone"
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    return folder


def make(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    plain = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "CI")}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=folder,
        env={**plain, **environ},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def python_path(tmp_path: Path, script: str) -> str:
    """A PATH whose only Pythons run `script`."""
    tools = tmp_path / "bin"
    for name in ("sh", "cat", "pwd", "rm", "awk", "make"):
        tools.mkdir(exist_ok=True)
        (tools / name).symlink_to(shutil.which(name) or name)
    program(tools, "python3", script)
    return str(tools)


def test_help_names_every_target(clone: Path) -> None:
    done = make(clone)
    text = (ROOT / "Makefile").read_text()
    assert done.returncode == 0
    for target in re.findall(r"^([a-z]+):.*##", text, flags=re.MULTILINE):
        assert f"make {target} " in done.stdout


def test_environment_is_made_once(clone: Path) -> None:
    first = make(clone, ".venv/.made")
    assert "Making .venv with Python 3." in first.stdout, first.stderr
    assert (clone / ".venv/bin/pip").exists()
    assert "up to date" in make(clone, ".venv/.made").stdout


def test_half_made_and_moved_environments_are_made_again(clone: Path, tmp_path: Path) -> None:
    (clone / ".venv/bin").mkdir(parents=True)
    (clone / ".venv/bin/python").write_text("half")
    assert "Making .venv" in make(clone, ".venv/.made").stdout

    moved = clone.rename(tmp_path / "moved")

    assert "Making .venv" in make(moved, ".venv/.made").stdout
    assert str(moved) in (moved / ".venv/bin/pip").read_text()


def test_missing_venv_module_is_one_clear_line(clone: Path, tmp_path: Path) -> None:
    script = f'case "$*" in *ensurepip*) exit 1;; esac; exec {sys.executable} "$@"'
    done = make(clone, ".venv/.made", PATH=python_path(tmp_path, script))
    assert done.returncode != 0
    assert done.stderr.splitlines()[0].startswith(
        "Needle needs Python's venv module: sudo apt install python3-venv"
    )
    assert not (clone / ".venv").exists()


def test_old_python_is_one_clear_line(clone: Path, tmp_path: Path) -> None:
    done = make(clone, ".venv/.made", PATH=python_path(tmp_path, "exit 1"))
    assert done.returncode != 0
    assert done.stderr.startswith("Needle needs Python 3.11 or newer")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), ["up", "--port", "8787"]),
        (("PORT=80", "DATA=/a b"), ["up", "--port", "80", "--data", "/a b"]),
        (("MUSIC=~/My $HOME's \"music\"",),
         ["up", "--port", "8787", "--", "~/My $HOME's \"music\""]),
    ],
)  # fmt: skip
def test_run_hands_paths_on_as_typed(
    clone: Path, arguments: tuple[str, ...], expected: list[str]
) -> None:
    _pretend_installed(clone)
    done = make(clone, "run", *arguments)
    assert done.stdout.splitlines() == expected, done.stderr


def _pretend_installed(clone: Path) -> None:
    """An environment that make takes for ready, whose `needle` prints its arguments."""
    (clone / "requirements").mkdir()
    names = [f"requirements/{n}.txt" for n in ("run", "build", "node")]
    for name in (*names, "pyproject.toml", "hatch_build.py", "package-lock.json"):
        (clone / name).touch()
    (clone / ".venv").mkdir()
    program(clone / ".venv/bin", "python", "exit 0")
    program(clone / ".venv/bin", "needle", r'printf "%s\n" "$@"')
    (clone / ".venv/.made").write_text(f"{clone}\n")
    (clone / ".venv/.run").touch()
