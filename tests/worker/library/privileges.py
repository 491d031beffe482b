"""Running part of a test as a user who is refused: permissions do not bind root."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable

NOBODY = 65534


def without_privileges(check: Callable[[], None]) -> None:
    """Run `check` in a child process that is not root.  Raises AssertionError when it fails.

    What it reads must lie in folders that everyone may enter: see the fixture `open_folder`.
    """
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            check()
            status = 0
        except BaseException:
            os.write(write_end, traceback.format_exc().encode()[-4000:])
        finally:
            os._exit(status)
    os.close(write_end)
    with open(read_end, "rb") as output:
        message = output.read().decode()
    _, wait_status = os.waitpid(pid, 0)
    assert wait_status == 0, message
