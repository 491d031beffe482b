"""Who holds a lease, and whether that process is still there."""

from __future__ import annotations

import functools
import os
import socket
import subprocess
import sys
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, told apart from any other that has or will have its pid."""

    host: str  #: name of the machine and its pid namespace: a container counts as a machine
    boot: str
    pid: int
    start: str

    @classmethod
    def current(cls) -> Owner:
        """This process."""
        pid = os.getpid()
        return cls(host=_host(), boot=boot_id(), pid=pid, start=_start_of(pid) or "")

    def __str__(self) -> str:
        return f"{self.host}|{self.boot}|{self.pid}|{self.start}"


def owner_is_dead(text: str) -> bool:
    """Whether the owner written as `text` certainly runs no more.

    False for an owner on another host: nothing is known of it.
    """
    host, _, rest = text.partition("|")
    boot, _, rest = rest.partition("|")
    pid, _, start = rest.partition("|")
    if host != _host() or not pid.isdecimal():
        return False
    return boot != boot_id() or _start_of(int(pid)) != start


def boot_id() -> str:
    """What tells this run of the machine from its earlier ones."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return _boot_session()


@functools.cache
def _boot_session() -> str:
    """macOS's own boot id; "" on a system that has none, where only leases tell."""
    if sys.platform != "darwin":
        return ""
    command = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _host() -> str:
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        namespace = ""
    return f"{socket.gethostname()}/{namespace}".replace("|", "")


def _start_of(pid: int) -> str | None:
    """When the process began, None when there is none or only its remains (a zombie)."""
    try:
        # Ticks since the boot: psutil's create_time moves when the wall clock is set.
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return None if fields[0] in (b"Z", b"X") else fields[19].decode("ascii")
    except FileNotFoundError:
        if os.path.exists("/proc/self/stat"):
            return None
    except OSError:  # ESRCH: it ended while we read
        return None
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else str(process.create_time())
    except psutil.Error:
        return None
