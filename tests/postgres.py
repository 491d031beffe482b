"""A private PostgreSQL for tests: Debian's binaries, a unix socket and loopback, no fsync."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import free_port, wait_until

#: Where Debian and others keep what is not on PATH.
_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/bin")


def binary(name: str) -> str:
    """The path of a PostgreSQL program.  AssertionError where PostgreSQL is not installed."""
    found = shutil.which(name)
    candidates = [found] if found else []
    for folder in _FOLDERS:
        root = Path(folder.split("*")[0].rstrip("/"))
        pattern = folder[len(str(root)) :].lstrip("/")
        folders = sorted(root.glob(pattern)) if pattern and root.exists() else [root]
        candidates += [str(path / name) for path in reversed(folders)]
    for candidate in candidates:
        if os.access(candidate, os.X_OK):
            return candidate
    raise AssertionError("PostgreSQL is needed for these tests: apt-get install postgresql")


class PostgresServer:
    """A cluster that can be restarted and killed; `database` makes an empty database in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self._made = 0
        # PostgreSQL refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None

    def create(self) -> None:
        if self._user:
            owner = pwd.getpwnam(self._user)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self._run("initdb", "-D", "data", "-U", "needle", "-A", "trust", "-E", "UTF8", "-N")

    def start(self) -> None:
        options = (
            f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off "
            "-c full_page_writes=off -c max_connections=60"
        )
        self._run("pg_ctl", "-D", "data", "-l", "log", "-w", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """`mode`: fast, or immediate as a power cut would."""
        self._run("pg_ctl", "-D", "data", "-w", "-m", mode, "stop")

    def database(self) -> str:
        """The address of a new empty database."""
        self._made += 1
        name = f"test_{os.getpid()}_{self._made}"
        self._run("createdb", "-h", str(self.folder), "-p", str(self.port), "-U", "needle", name)
        return f"postgresql://needle@127.0.0.1:{self.port}/{name}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [binary(program), *arguments]
        with (self.folder / "output").open("ab") as output:
            subprocess.run(
                command, cwd=self.folder, user=self._user, group=self._user,
                extra_groups=[] if self._user else None, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, check=True,
            )  # fmt: skip


@contextmanager
def postgres() -> Iterator[PostgresServer]:
    """A started server; its files go when it stops."""
    # Not pytest's folder: that one is closed to the user the server runs as.
    with tempfile.TemporaryDirectory(prefix="needle-pg-") as name:
        server = PostgresServer(Path(name))
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
            wait_until(lambda: not (Path(name) / "data/postmaster.pid").exists(), what="end")
