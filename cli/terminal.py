"""What is said on the terminal.  Names come from files and logs: they are shown escaped."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import IO, Any, TextIO

import click

from wire.text import escape_controls

#: A path as it was typed.  Whether it can be read is said by what reads it, in one line: `click`
#: would say it in three, and of folders that only the worker needs to read.
PATH = click.Path(readable=False)


class Failure(click.ClickException):
    """Ends the command with one clear line and exit code 1."""

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002 - click's signature
        """Print the line where errors go."""
        complain(self.message)


def say(text: str) -> None:
    """One line of output, at once.  A terminal that was closed is no reason to fail."""
    _write(sys.stdout, text)


def complain(text: str) -> None:
    """One line on standard error, after the program's name."""
    _write(sys.stderr, f"needle: {text}")


def shown(path: str) -> str:
    """A path as people write it: escaped, with `~` for the home folder."""
    home = os.path.expanduser("~").rstrip("/")
    if home and path.startswith(home + "/"):
        path = "~" + path[len(home) :]
    return escape_controls(path)


def _write(stream: TextIO, text: str) -> None:
    safe = escape_controls(text).encode(stream.encoding or "ascii", "backslashreplace")
    with contextlib.suppress(OSError, ValueError):  # closed
        stream.write(safe.decode(stream.encoding or "ascii") + "\n")
        stream.flush()
