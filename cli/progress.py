"""How far a scan is: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Protocol

from cli.terminal import say
from wire.text import escape_controls

#: Seconds between two lines when the output is no terminal.
LINE_SECONDS = 10.0


class Progress(Protocol):
    """Something that shows it."""

    def show(self, state: str, done: int, total: int | None) -> None:
        """The state, files done, and files to do (None: not known yet)."""


class Lines:
    """A line when the state changes, and every 10 s."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._state, self._shown_at = "", 0.0

    def show(self, state: str, done: int, total: int | None) -> None:
        """Print a line when it is time."""
        now = time.monotonic()
        if state == self._state and now - self._shown_at < LINE_SECONDS:
            return
        self._state, self._shown_at = state, now
        of = "" if total is None else f" of {total:,}"
        say(f"{self._title}: {state}, {done:,}{of} files done")


@contextlib.contextmanager
def open_progress(title: str) -> Iterator[Progress]:
    """Progress for one scan."""
    if sys.stdout.isatty():
        with _bar(title) as bar:
            yield bar
    else:
        yield Lines(title)


@contextlib.contextmanager
def _bar(title: str) -> Iterator[Progress]:
    from rich import progress  # 15 MB that only a terminal needs
    from rich.text import Text

    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
    )
    safe = escape_controls(title)
    with progress.Progress(*columns) as display:
        display.console.print(Text(safe))
        task = display.add_task("queued", total=None)

        class Bar:
            """The bar of rich."""

            def show(self, state: str, done: int, total: int | None) -> None:
                display.update(
                    task, description=escape_controls(state), completed=done, total=total
                )

        yield Bar()
