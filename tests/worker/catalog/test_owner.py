"""Owners: which process holds a lease, and whether it is still there."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

from tests.servers import wait_until
from worker.catalog.owner import Owner, owner_is_dead


def owner_of_new_process() -> tuple[subprocess.Popen[bytes], str]:
    """A process that waits for its input to end, and its owner text."""
    code = (
        "import sys; from worker.catalog.owner import Owner; "
        "print(Owner.current(), flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    return process, process.stdout.readline().decode().strip()


def end(process: subprocess.Popen[bytes]) -> None:
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


def test_running_process_is_not_dead() -> None:
    assert not owner_is_dead(str(Owner.current()))


def test_killed_process_is_dead_before_it_is_reaped() -> None:
    process, owner = owner_of_new_process()
    assert not owner_is_dead(owner)

    process.kill()

    wait_until(lambda: owner_is_dead(owner), what="the zombie counts as dead")
    end(process)
    assert owner_is_dead(owner)


def test_pid_taken_by_another_process_is_dead() -> None:
    before = dataclasses.replace(Owner.current(), start="12")

    assert owner_is_dead(str(before))


def test_owner_of_an_earlier_boot_is_dead() -> None:
    assert owner_is_dead(str(dataclasses.replace(Owner.current(), boot="another")))


def test_nothing_is_known_of_another_host() -> None:
    other = dataclasses.replace(Owner.current(), host="elsewhere", pid=2**22 + 1)

    assert not owner_is_dead(str(other))


def test_text_that_is_no_owner_is_not_dead() -> None:
    for text in ("", "x", "|||", f"{Owner.current().host}|b|not a pid|s"):
        assert not owner_is_dead(text)


def test_fork_is_another_owner() -> None:
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write_end, str(Owner.current()).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    child = os.read(read_end, 1000).decode()
    os.close(read_end)
    os.close(write_end)

    assert child != str(Owner.current())
    assert owner_is_dead(child)
