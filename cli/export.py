"""`needle export`: the catalog as JSON Lines or CSV, row by row."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from cli.catalog import find_catalog, reading
from cli.terminal import Failure, complain, shown
from wire.text import formula_safe
from worker.catalog import dump

STDOUT = "-"
FORMATS = ("json", "csv")


def export(data: str | None, form: str, table: str, output: str, scan_id: str = "") -> None:
    """Write a table of the catalog to `output`, a file or `-`.  Raises Failure.

    `scan_id`: of `outcomes` only those of this scan.
    """
    if scan_id and table != "outcomes":
        raise Failure("--scan goes with --table outcomes only")
    stored = find_catalog(data)
    columns = dump.TABLES[table].columns
    encode = _json_line if form == "json" else _csv_line
    count = 0
    with reading(stored) as connection, _opened(output) as file:
        if scan_id and not dump.has_scan(connection, scan_id):
            raise Failure(f"no scan {shown(scan_id)} is known: `needle status` names the last ones")
        if form == "csv":
            file.write(_csv_line(dict(zip(columns, columns, strict=True)), columns))
        for row in dump.rows(connection, table, scan_id):
            file.write(encode(row, columns))
            count += 1
    if output != STDOUT:
        complain(f"{count:,} {table} written to {shown(output)}")


def _json_line(row: dump.Row, columns: list[str]) -> bytes:
    ordered = {name: row[name] for name in columns}
    text = json.dumps(ordered, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _csv_line(row: dump.Row, columns: list[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow([_cell(row[name]) for name in columns])
    return line.getvalue().encode("utf-8", "backslashreplace")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return formula_safe("; ".join(map(str, value)))
    return formula_safe(value) if isinstance(value, str) else str(value)


@contextmanager
def _opened(output: str) -> Iterator[IO[bytes]]:
    """Where to write.  A file appears, or replaces what was there, only when it is complete."""
    opened: Callable[[str], Any] = _stdout if output == STDOUT else _replaced
    try:
        with opened(output) as file:
            yield file
    except OSError as error:
        where = "standard output" if output == STDOUT else shown(output)
        raise Failure(f"cannot write to {where}: {error.strerror or error}") from None


@contextmanager
def _stdout(_: str) -> Iterator[IO[bytes]]:
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # `head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _replaced(output: str) -> Iterator[IO[bytes]]:
    target = os.path.realpath(output)
    if os.path.lexists(target) and not stat.S_ISREG(os.lstat(target).st_mode):
        raise Failure(f"{shown(output)} is not a file; `--output -` writes to standard output")
    folder, name = os.path.split(target)
    # Readable by its owner only: the names of what somebody listens to are nobody else's business.
    descriptor, partial = tempfile.mkstemp(prefix=f".{name[:100]}.", dir=folder)
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
    finally:
        if os.path.lexists(partial):
            os.unlink(partial)
