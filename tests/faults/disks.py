"""Disks that are small, and a root that has to obey permissions."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.stack import Stack


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of its own at `folder`."""
    assert os.geteuid() == 0, "a small file system can be mounted by root only: run this test so"
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=False)


def obey_permissions(running: Stack) -> None:
    """Start the worker from now on as somebody whom files can be closed to."""
    if os.geteuid() == 0:
        bounded = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--"]
        running.worker.command = [*bounded, *running.worker.command]
