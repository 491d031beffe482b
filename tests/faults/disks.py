"""Disks that are small or hang, and a root that has to obey permissions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.stack import Stack
from tests.servers import wait_until


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


class HangingDisk:
    """A folder as a disk shows it that may stop answering: see `hanging.py`."""

    def __init__(self, source: Path, folder: Path) -> None:
        device = Path("/dev/fuse")
        if os.geteuid() == 0 and not device.exists():
            os.mknod(device, 0o020666, os.makedev(10, 229))
        assert os.access(device, os.W_OK), "this test needs FUSE: /dev/fuse, and root to mount"
        command = [sys.executable, "-m", "tests.faults.hanging", str(source), str(folder)]
        self._folder, self._process = folder, subprocess.Popen(command)

    def is_mounted(self) -> bool:
        assert self._process.poll() is None, "the disk could not be mounted"
        return os.path.ismount(self._folder)

    def hang(self) -> None:
        """Whoever reads from now on waits in the kernel; not even SIGKILL ends the waiting."""
        self._process.send_signal(signal.SIGUSR1)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGUSR2)

    def stop(self) -> None:
        """Unmount; who waits gets an error."""
        self._process.kill()
        self._process.wait()
        subprocess.run(["umount", "-l", self._folder], check=False, stderr=subprocess.DEVNULL)


@contextmanager
def hanging_disk(source: Path, folder: Path) -> Iterator[HangingDisk]:
    """`source` seen through a disk at `folder`."""
    folder.mkdir()
    disk = HangingDisk(source, folder)
    try:
        wait_until(disk.is_mounted, what="the disk is mounted")
        yield disk
    finally:
        disk.stop()
