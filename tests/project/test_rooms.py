"""The house stays as docs/architecture.md draws it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

from tests.project.repository import ROOT, modules

LINES = 400


def test_rooms_import_only_what_they_may() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_wire_is_standard_library_only() -> None:
    allowed = {*sys.stdlib_module_names, "wire"}
    for module in (ROOT / "wire").glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert {name.partition(".")[0] for name in names} <= allowed, (module, names)


def test_no_module_is_too_long() -> None:
    long = {str(m.relative_to(ROOT)): n for m in modules() if (n := _lines(m)) > LINES}
    assert not long


def test_every_module_says_what_it_is_for() -> None:
    silent = [str(m.relative_to(ROOT)) for m in modules() if not _docstring(m)]
    assert not silent


def test_environment_is_read_in_settings_only() -> None:
    readers = re.compile(r"os\.environ(?:\.get\(|\[)|os\.getenv")
    found = [
        str(module.relative_to(ROOT))
        for module in modules()
        if module.name != "settings.py" and readers.search(module.read_text())
    ]
    assert not found


def _lines(module: Path) -> int:
    return len(module.read_text().splitlines())


def _docstring(module: Path) -> bool:
    text = module.read_text()
    return not text.strip() or ast.get_docstring(ast.parse(text)) is not None
