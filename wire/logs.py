"""Logs of every process: one record is one line, of JSON in files and of text on a terminal.

1. No text in a record can begin another line or steer a terminal: control, bidi and surrogate
   characters are written as escapes, in JSON as well.
2. Secrets are taken out here, whoever logged them.
3. A record is bounded, whatever an exception says.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import re
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

from wire.logfile import LogFile
from wire.redaction import cut, redacted, redacted_text
from wire.settings import LogSettings
from wire.text import escape_controls

#: Characters of a message or a field, and of a traceback, whose end says most.
TEXT_CHARS, TRACE_CHARS = 2_000, 8_000
#: Loggers that have little to say and say it often.
QUIET = ("alembic.runtime.plugins", "apprise", "httpx", "multiprocessing", "urllib3")

_LEVEL = re.compile(r"\b(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)\b")
_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def clean(text: str, chars: int = TEXT_CHARS) -> str:
    """`text` as one line for a log: without secrets, escaped, at most `chars` characters."""
    return cut(escape_controls(redacted_text(text[: chars * 2])), chars)


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON; `extra={"fields": {...}}` adds fields."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service, self._host = service, socket.gethostname()

    def format(self, record: logging.LogRecord) -> str:
        """One line without its newline; never raises for what is in the record."""
        document: dict[str, Any] = {
            "time": _utc(record.created),
            "level": record.levelname,
            "service": self._service,
            "host": self._host,
            "pid": record.process,
            "logger": clean(record.name, 100),
            "message": clean(_message(record)),
        }
        document |= {key: value for key, value in _fields(record) if key not in document}
        trace = "\n".join(_trace(record))
        if trace:
            document.setdefault("exception", clean(_exception(record)))
            document["traceback"] = trace
        return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


class TextFormatter(logging.Formatter):
    """A record for people.  Lines of a traceback are indented: no record looks like that."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """One line, and one more for each line of a traceback."""
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))
        origin = f"{self._service}[{record.process}] {clean(record.name, 100)}"
        fields = "".join(
            f" {key}={value if value is not None else '-'}"
            for key, value in _fields(record)
            if key not in ("event", "traceback", "exception")
        )
        line = f"{at} {record.levelname:<7} {origin}: {clean(_message(record))}{fields}"
        return "\n".join((line, *(f"    {text}" for text in _trace(record))))


class LineHandler(logging.Handler):
    """Writes each record at once, to a file that is rotated, else to standard error."""

    def __init__(self, file: LogFile | None) -> None:
        super().__init__()
        self._file = file

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record; one that cannot be written is dropped."""
        try:
            data = self.format(record).encode("utf-8", "backslashreplace") + b"\n"
        except Exception:  # never let a log stop the work
            data = b'{"level":"ERROR","message":"a log record could not be written"}\n'
        if self._file is not None:
            self._file.write(data)
            return
        with contextlib.suppress(OSError):
            os.write(2, data)


def start_logging(service: str, settings: LogSettings) -> None:
    """Log from now on as the settings say, also what nobody catches.  Raises OSError."""
    handler = LineHandler(LogFile(settings.file) if settings.file else None)
    handler.setFormatter(_formatter(service, settings))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level)
    # Celery's pool says there which of its processes was killed, and keeps it from the root.
    pool = logging.getLogger("multiprocessing")
    pool.handlers[:], pool.propagate = [handler], False
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda failed: _uncaught(
        failed.exc_type, failed.exc_value or failed.exc_type(), failed.exc_traceback
    )


def readable(line: str) -> tuple[str, str]:
    """The level of a line of a log, "" if it has none, and its text for people, escaped."""
    try:
        document = json.loads(line)
        name, message = str(document["level"]), str(document["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        level = _LEVEL.search(line[:200])
        return level[0] if level else "", escape_controls(line.strip())
    return name, escape_controls(message)


def _formatter(service: str, settings: LogSettings) -> logging.Formatter:
    for_people = settings.format == "text"
    if settings.format == "auto":
        for_people = settings.file is None and os.isatty(2)
    return TextFormatter(service) if for_people else JsonFormatter(service)


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, (KeyboardInterrupt, SystemExit)):
        return
    logging.getLogger("uncaught").critical(
        "%s: %s", kind.__name__, error, exc_info=(kind, error, trace)
    )


def _utc(at: float) -> str:
    """Such as `2026-11-21T05:00:00.123Z`."""
    thousandths = int(at * 1000)
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(thousandths // 1000))
    return f"{whole}.{thousandths % 1000:03d}Z"


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # arguments that do not fit, or whose __str__ fails
        return f"{record.msg!s} {redacted(record.args)}"


def _fields(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    fields = getattr(record, "fields", None)
    for key, value in fields.items() if isinstance(fields, Mapping) else ():
        if value is None or (isinstance(value, (bool, int, float)) and math.isfinite(value)):
            yield key, value
        else:
            yield key, clean(value if isinstance(value, str) else redacted(value))


def _exc_info(record: logging.LogRecord) -> _ExcInfo | None:
    info = record.exc_info
    return info if isinstance(info, tuple) and info[0] is not None else None


def _exception(record: logging.LogRecord) -> str:
    info = _exc_info(record)
    return f"{info[0].__name__}: {_str(info[1])}" if info else ""


def _trace(record: logging.LogRecord) -> list[str]:
    """Lines of the traceback, each safe; the first ones go when there are too many."""
    info = _exc_info(record)
    if info is None:
        return []
    lines: list[str] = []
    for block in _format(info):
        # Only the places in the code are several lines; what the exception says is one.
        parts = block.splitlines() if block.startswith("  File ") else [block.rstrip("\n")]
        lines += [clean(part) for part in parts if part]
    kept, chars = len(lines), 0
    while kept and chars + len(lines[kept - 1]) < TRACE_CHARS:
        kept -= 1
        chars += len(lines[kept]) + 1
    return ["…", *lines[kept:]] if kept else lines


def _format(info: _ExcInfo) -> list[str]:
    try:
        return traceback.format_exception(*info)
    except Exception:  # an exception whose __str__ fails
        return [info[0].__name__]


def _str(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "?"
