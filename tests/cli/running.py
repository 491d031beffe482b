"""A real `needle up` in a process of its own, and what is left of it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import psutil

from tests.servers import free_port, wait_until
from web.vault import read_operator_token

NEEDLE = (sys.executable, "-P", "-m", "cli.main")
#: Seconds within which everything must be gone.
STOP_SECONDS = 10.0


def environment(**more: str) -> dict[str, str]:
    """The environment without what the developer may have set for Needle."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("NEEDLE_")}
    return {**plain, **more}


def needle(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*NEEDLE, *arguments],
        env=environment(**environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class Up:
    """A started `needle up`; its output is in `output`."""

    def __init__(
        self,
        data: Path,
        *music: Path,
        port: int | None = None,
        options: Sequence[str] = (),
        **environ: str,
    ) -> None:
        self.data, self.port = data, port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._seen: set[psutil.Process] = set()
        self._log = data.with_name(f"{data.name}.{self.port}.out")
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *NEEDLE,
                    "up",
                    *map(str, music),
                    "--port",
                    str(self.port),
                    "--data",
                    str(data),
                    *options,
                ],
                env=environment(**environ),
                stdout=log,
                stderr=log,
            )

    @property
    def output(self) -> str:
        return self._log.read_text()

    def said(self, pattern: str) -> re.Match[str] | None:
        """Whether a line of the output so far holds `pattern`."""
        return re.search(pattern, self.output)

    def wait_ready(self) -> None:
        def ready_or_ended() -> bool:
            return bool(self.said("Needle is at")) or self.process.poll() is not None

        wait_until(ready_or_ended, seconds=60, what="needle up is ready")
        assert self.process.poll() is None, self.output
        self.family()

    def pid(self, part: str) -> int:
        """Process id of a part, the newest that was said."""
        found = re.findall(rf"^ *{part} .*pid (\d+)", self.output, flags=re.MULTILINE)
        assert found, self.output
        return int(found[-1])

    def family(self) -> set[psutil.Process]:
        """All living processes that it has started, ever seen by this call."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self._seen |= set(psutil.Process(self.process.pid).children(recursive=True))
        return {process for process in self._seen if is_alive(process)}

    def part(self, name: str) -> psutil.Process:
        return psutil.Process(self.pid(name))

    def get(self, path: str) -> bytes:
        """What the page answers the operator token of the data folder; a program needs one."""
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = httpx.get(self.url + path, timeout=10, headers=headers)
        return answer.raise_for_status().content

    @property
    def token(self) -> str:
        """The operator token: with it the commands of `needle` speak to the page."""
        return read_operator_token(self.data)

    def wait_gone(self) -> None:
        wait_until(lambda: not self.family(), seconds=STOP_SECONDS, what="all processes are gone")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop and give its exit code."""
        self.family()
        self.process.send_signal(number)
        code = self.process.wait(STOP_SECONDS)
        self.wait_gone()
        return code

    def end(self) -> None:
        """Leave nothing behind, whatever the test has done."""
        for process in self.family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.kill()
        self.process.wait()


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs: a zombie that nobody has collected yet does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextlib.contextmanager
def needle_up(
    data: Path,
    *music: Path,
    port: int | None = None,
    options: Sequence[str] = (),
    **environ: str,
) -> Iterator[Up]:
    """A `needle up` that is ready, and gone afterwards; `options` are more of its own."""
    up = Up(data, *music, port=port, options=options, **environ)
    try:
        up.wait_ready()
        yield up
        if up.process.poll() is None:
            up.stop()
    finally:
        up.end()
