"""schemathesis asks a running Needle what its OpenAPI document allows, and what it does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.stack import stack

EXAMPLES = 6


def test_schemathesis_finds_nothing(library: Path, tmp_path: Path) -> None:
    with stack(tmp_path, library) as running:
        running.run_scan()
        command = [
            str(Path(sys.executable).with_name("schemathesis")), "run", "--no-color",
            "--max-examples", str(EXAMPLES), "--generation-deterministic", "--workers", "1",
            f"{running.url}/api/v1/openapi.json",
        ]  # fmt: skip
        found = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd=tmp_path)
        if found.returncode:
            pytest.fail(found.stdout[-8_000:] + found.stderr[-2_000:])
        # A server error would be told above: nothing that fails silently is in the log either.
        assert "Traceback" not in running.web.log.read_text()
