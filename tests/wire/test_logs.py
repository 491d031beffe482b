"""One record is one line: of valid JSON, or of text that steers no terminal."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.logs import JsonFormatter, TextFormatter, readable

HOSTILE = "a\nb\r\x1b[31mred\x00\x85\u2028\u2029\u202eevil\u2066 \ud800 Jóga 日本"


def record(
    message: str, *args: object, error: BaseException | None = None, **fields: object
) -> logging.LogRecord:
    made = logging.LogRecord("needle.tests", logging.ERROR, __file__, 1, message, args, None)
    made.fields = fields
    if error is not None:
        made.exc_info = (type(error), error, error.__traceback__)
    return made


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:
        return caught


def as_json(made: logging.LogRecord) -> dict[str, Any]:
    line = JsonFormatter("worker").format(made)
    assert_one_line(line)
    document: dict[str, Any] = json.loads(line.encode("utf-8"), parse_constant=pytest.fail)
    return document


def assert_one_line(line: str) -> None:
    assert len(line.splitlines()) == 1, line
    assert not re.search(
        "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", line
    )


def test_record_says_what_where_and_when() -> None:
    document = as_json(record("read %s", "x", task_id="t1", duration_seconds=1.5))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", document["time"])
    assert document["level"] == "ERROR"
    assert (document["service"], document["logger"]) == ("worker", "needle.tests")
    assert (document["message"], document["task_id"], document["duration_seconds"]) == (
        "read x",
        "t1",
        1.5,
    )


def test_hostile_text_stays_within_its_line() -> None:
    error = raised(ValueError(HOSTILE))
    made = record(HOSTILE + "%s", HOSTILE, error=error, task_name=HOSTILE, args=[HOSTILE])
    document = as_json(made)
    assert "Jóga 日本" in document["message"]
    assert "\\x0a" in document["message"]
    assert document["traceback"].splitlines()[-1].startswith("ValueError: a\\x0ab")
    first, *rest = TextFormatter("worker").format(made).split("\n")
    assert_one_line(first)
    for line in rest:
        assert_one_line(line)
        assert line.startswith("    ")


ANYTHING = st.text(st.characters(exclude_categories=()))  # surrogates as well


@given(ANYTHING, ANYTHING)
def test_any_text_is_one_line(message: str, value: str) -> None:
    made = record("%s", message, error=ValueError(value), field=value, other=[value])
    as_json(made)
    for line in TextFormatter("web").format(made).split("\n"):
        assert_one_line(line)


def test_secrets_are_hidden_wherever_they_are() -> None:
    error = raised(ValueError("no redis://u:hunter2@host"))
    made = record("token=%s", "hunter2", error=error, kwargs={"password": "hunter2"})
    assert "hunter2" not in JsonFormatter("web").format(made)
    assert "hunter2" not in TextFormatter("web").format(made)


def test_huge_records_are_cut_and_keep_their_end() -> None:
    def deep(n: int) -> None:
        if not n:
            raise ValueError("y" * 100_000)
        deep(n - 1)

    with pytest.raises(ValueError, match="yyy") as caught:
        deep(300)
    made = record("x" * 1_000_000, error=caught.value, args="z" * 1_000_000)
    assert len(JsonFormatter("worker").format(made)) < 20_000
    assert "ValueError: yyy" in as_json(made)["traceback"]


def test_broken_records_are_still_written() -> None:
    class BrokenError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    as_json(record("%d %s", "no number"))
    as_json(record("x", error=raised(BrokenError()), value=float("nan"), other=float("inf")))


def test_fields_replace_nothing() -> None:
    assert as_json(record("x", level="DEBUG", service="evil"))["service"] == "worker"


def test_lines_are_read_back_for_people() -> None:
    line = JsonFormatter("worker").format(record("Redis is away: %s", "x"))
    assert readable(line) == ("ERROR", "Redis is away: x")
    assert readable("2026 WARNING x: y\x1b") == ("WARNING", "2026 WARNING x: y\\x1b")
    assert readable("[1, 2]") == ("", "[1, 2]")


PROGRAM = """
import logging, sys, threading, warnings
from pathlib import Path
from wire.logs import start_logging
from wire.settings import read_logging

start_logging("test", read_logging())
warnings.warn("old", DeprecationWarning)
logging.getLogger("x").info("for %s", sys.argv[1])
logging.getLogger("x").debug("not this")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
raise ValueError("a\\nb")
"""


def run(**environ: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, HOSTILE[:5]],
        env={"PYTHONPATH": ":".join(sys.path), **environ},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    return done.stderr.splitlines()


def test_what_nobody_catches_is_logged_too() -> None:
    documents = [json.loads(line) for line in run()]
    assert [d["level"] for d in documents if d["logger"] != "py.warnings"] == [
        "INFO",
        "CRITICAL",
        "CRITICAL",
    ]
    assert documents[-1]["message"] == "ValueError: a\\x0ab"
    assert "ZeroDivisionError" in documents[-2]["traceback"]


def test_settings_decide_format_level_and_file(tmp_path: Path) -> None:
    lines = run(NEEDLE_LOG_FORMAT="text", NEEDLE_LOG_LEVEL="ERROR")
    assert re.match(
        r"[\d-]{10} [\d:]{8} CRITICAL test\[\d+\] uncaught: ZeroDivisionError", lines[0]
    )
    file = tmp_path / "a.log"
    assert run(NEEDLE_LOG_FILE=str(file)) == []
    assert json.loads(file.read_text().splitlines()[-1])["level"] == "CRITICAL"


def test_a_terminal_gets_text(tmp_path: Path) -> None:
    leader, follower = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "you"],
        env={"PYTHONPATH": ":".join(sys.path)},
        stderr=follower,
    )
    os.close(follower)
    with os.fdopen(leader, "rb") as terminal:
        first = next(line for line in terminal if b"for you" in line)
    assert b" INFO " in first
    assert not first.startswith(b"{")
    process.wait(20)
