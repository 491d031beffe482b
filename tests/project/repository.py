"""The files of this repository, as git knows them."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("wire", "web", "worker", "cli")


def committed(*patterns: str) -> list[Path]:
    """Files that git holds, or would hold after `git add`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = {name for name in listed.stdout.split("\0") if name}
    return sorted(ROOT / name for name in names if (ROOT / name).is_file())


def modules() -> list[Path]:
    """Every Python module of the four rooms."""
    return committed(*(f"{room}/**.py" for room in ROOMS))
