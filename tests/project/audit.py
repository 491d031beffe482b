"""`python -m tests.project.audit`: known vulnerabilities in what is locked, as far as can be told.

A mirror without advisories answers that there are none, and so does pip-audit.  So an old release
whose vulnerability everybody knows is asked about first: only where that one is reported does
silence about the others mean anything.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.project.repository import ROOT

#: Released in 2018, and vulnerable.
CANARY = "jinja2==2.10"
LOCKS = ("run", "build", "node", "test")
TIMEOUT_SECONDS = 300
UNKNOWN = "Known vulnerabilities were NOT CHECKED, and this is no pass:"


def vulnerable(report: str) -> list[str]:
    """What a JSON report of pip-audit names, such as `jinja2 2.10: CVE-…`.  Raises ValueError."""
    packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    return [
        f"{package['name']} {package['version']}: {', '.join(v['id'] for v in package['vulns'])}"
        for package in packages
        if package.get("vulns")
    ]


def unchecked(report: str) -> list[str]:
    """Packages that a report says nothing about."""
    return [p["name"] for p in json.loads(report)["dependencies"] if "skip_reason" in p]


def ask(*arguments: str) -> str:
    """pip-audit's report, "" when it has none.  Raises subprocess.TimeoutExpired."""
    program = Path(sys.executable).with_name("pip-audit")
    options = ("--disable-pip", "--progress-spinner", "off", "--format", "json", "--timeout", "10")
    done = subprocess.run(
        [program, *options, *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    return done.stdout


def audit(locks: Sequence[Path]) -> tuple[int, str]:
    """Exit code and what to say: 1 only for a vulnerability, since a network may be away."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as canary:
        canary.write(CANARY + "\n")
        canary.flush()
        try:
            if not vulnerable(ask("--no-deps", "--requirement", canary.name)):
                return 0, f"{UNKNOWN} no advisories can be reached (a mirror has none)."
            report = ask(*(word for lock in locks for word in ("--requirement", str(lock))))
            found, silent = vulnerable(report), unchecked(report)
        except (ValueError, KeyError, TypeError, subprocess.TimeoutExpired):
            return 0, f"{UNKNOWN} no advisories can be reached."
    if found:
        return 1, "Known vulnerabilities:\n" + "\n".join(found)
    rest = f"; NOT CHECKED: {', '.join(silent)}" if silent else ""
    return 0, f"No known vulnerabilities in what is locked{rest}."


if __name__ == "__main__":
    code, said = audit([ROOT / f"requirements/{name}.txt" for name in LOCKS])
    print(said, file=sys.stderr)  # noqa: T201 - it is a program
    sys.exit(code)
