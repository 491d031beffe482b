"""A tiny shell that ends the parts when `needle up` itself is gone, even by SIGKILL.

It waits in `read` on a pipe that only `needle up` holds open: no polling, no signal to miss, any
platform.  Each line it reads is the whole list of process groups: Redis first (0: none), since
Redis must end last.  The pool processes of a worker are in the worker's group and end with it.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Sequence

SCRIPT = """
while IFS= read -r line; do groups=$line; done
set -- $groups
[ $# -gt 0 ] || exit 0
redis=$1
shift
end() {  # seconds, then groups: ask the leaders, wait, kill what is left
  seconds=$1
  shift
  for group; do kill -s TERM "$group"; done
  while [ "$seconds" -gt 0 ]; do
    alive=
    for group; do ! kill -s 0 -- "-$group" || alive=1; done
    [ "$alive" ] || break
    sleep 1
    seconds=$((seconds - 1))
  done
  for group; do kill -s KILL -- "-$group"; done
}
end 4 "$@"
[ "$redis" = 0 ] || end 3 "$redis"
"""


class Watchman:
    """Starts with the first list and is replaced when somebody kills it."""

    def __init__(self, inherited: Sequence[int]) -> None:
        self._inherited = tuple(inherited)
        self._process: subprocess.Popen[bytes] | None = None

    def tell(self, redis_group: int, groups: Sequence[int]) -> None:
        """Say which process groups exist now."""
        line = " ".join(str(group) for group in (redis_group, *groups)).encode() + b"\n"
        for _ in range(2):
            process = self._running()
            if process.stdin is None:
                return
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(line)
                return
            process.wait()

    def is_gone(self) -> bool:
        """Whether there is a watchman no more; `tell` starts another."""
        return self._process is not None and self._process.poll() is not None

    def dismiss(self) -> None:
        """All parts have ended: nothing is left to watch."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(b"\n")
                self._process.stdin.close()
            self._process.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", SCRIPT],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                pass_fds=self._inherited,
                process_group=0,
            )
        return self._process
