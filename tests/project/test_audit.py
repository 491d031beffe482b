"""The audit never takes silence for a pass, and a network that is away fails nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.project.audit import UNKNOWN, unchecked, vulnerable
from tests.project.repository import ROOT

REPORT = json.dumps(
    {
        "dependencies": [
            {"name": "a", "version": "1", "vulns": [{"id": "CVE-1"}, {"id": "CVE-2"}]},
            {"name": "b", "version": "2", "vulns": []},
            {"name": "c", "skip_reason": "not found"},
        ]
    }
)


def test_report_is_understood() -> None:
    assert vulnerable(REPORT) == ["a 1: CVE-1, CVE-2"]
    assert unchecked(REPORT) == ["c"]


@pytest.mark.parametrize("report", ["", "{}", "[]"])
def test_no_report_is_no_pass(report: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        vulnerable(report)


def test_without_network_it_says_so_and_fails_nothing() -> None:
    nowhere = "http://127.0.0.1:9"
    done = subprocess.run(
        [sys.executable, "-m", "tests.project.audit"],
        cwd=ROOT,
        env={**os.environ, "HTTPS_PROXY": nowhere, "https_proxy": nowhere, "NO_PROXY": ""},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0
    assert done.stderr.startswith(UNKNOWN)


def test_check_runs_it() -> None:
    assert "-m tests.project.audit" in (ROOT / "Makefile").read_text().split("\nlint:")[1]
