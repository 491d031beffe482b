"""A copy of Needle that is one version ahead: fields and arguments nobody here knows."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.integration.stack import Part

REPOSITORY = Path(__file__).parents[2]
#: File, what stands there, what stands there in the next version.
CHANGES = (
    ("wire/events.py", "    revision: int = 0\n", '    revision: int = 0\n    mood: str = "so"\n'),
    ("wire/events.py", "    busy: int = 0\n", '    busy: int = 0\n    mood: str = "so"\n'),
    ("wire/starting.py", "    mark_anyway: bool\n", "    mark_anyway: bool\n    mood: str\n"),
    (
        "wire/starting.py",
        "        mark_anyway=scan.mark_anyway,\n",
        "        mark_anyway=scan.mark_anyway,\n        mood=scan.mood,\n",
    ),
)


def next_version(folder: Path) -> Path:
    """Needle as it might be after the next release, in `folder`."""
    for room in ("wire", "web", "worker"):
        shutil.copytree(REPOSITORY / room, folder / room)
    for name, now, then in CHANGES:
        file = folder / name
        text = file.read_text()
        assert text.count(now) == 1, f"{name} is not what this test was written for: {now}"
        file.write_text(text.replace(now, then))
    return folder


def run_from(part: Part, folder: Path) -> None:
    """Let a part run the code in `folder` from its next start on."""
    python, *command = part.command
    part.command = [python, "-P", *command]  # -P: what is in this folder does not count
    part.environ = part.environ | {"PYTHONPATH": str(folder)}
    if part.name == "web":
        part.command += ["--app-dir", str(folder)]
