"""What a worker logs about sizes: each large task, now and then, and everything when it ends."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import redis
from celery import Celery

from wire.keys import Keys
from wire.payloads import ARGS, KWARGS
from wire.sentences import Sentence
from wire.size_reading import Reading, ask_limits
from wire.size_report import SizeReport
from wire.size_text import report_lines, summary_lines
from worker.metrics.recorder import Recorder
from worker.metrics.running import Start

log = logging.getLogger(__name__)

#: Payloads of more characters are reported, so often a kind of task at most.
REPORT_CHARS = 1024
INTERVAL_SECONDS = 60.0


class TaskReports:
    """The report of single tasks, with the limits that are in force now."""

    def __init__(self, app: Celery, recorder: Recorder, chars: int) -> None:
        self._app, self._recorder = app, recorder
        #: A task whose args or kwargs have more is reported.
        self.chars = chars
        self._due_at: dict[str, float] = {}

    def task(self, task: str, start: Start) -> None:
        """Have a large task reported if its kind was not a moment ago."""
        now = time.monotonic()
        if now < self._due_at.get(task, 0.0):
            return
        self._due_at[task] = now + INTERVAL_SECONDS
        self._recorder.say(partial(self._lines, task, start))

    def _lines(self, task: str, start: Start) -> Iterator[str]:
        amqp = self._app.amqp
        for line in task_lines(task, start, amqp.argsrepr_maxsize, amqp.kwargsrepr_maxsize):
            yield f"[CELERY MONITOR] {line.told()}"


def task_lines(task: str, start: Start, args_limit: int, kwargs_limit: int) -> Iterator[Sentence]:
    """The report of one task."""
    yield Sentence("Task: %(task)s", {"task": task})
    yield Sentence("ID: %(task_id)s", {"task_id": start.task_id})
    for title, part, size in (("Args", ARGS, start.args), ("Kwargs", KWARGS, start.kwargs)):
        mark = "⚠ TRUNCATED" if part in start.notes.cut else "✓"
        yield Sentence(
            "%(title)s: %(chars)s characters (%(mark)s)",
            {"title": title, "chars": size.chars, "mark": mark},
        )
    if args_limit == kwargs_limit:
        yield Sentence("Current limit: %(limit)s characters", {"limit": args_limit})
    else:
        yield Sentence(
            "Current limits: args %(args)s, kwargs %(kwargs)s characters",
            {"args": args_limit, "kwargs": kwargs_limit},
        )


def read_report(client: redis.Redis, keys: Keys) -> SizeReport:
    """The report of everything measured.  Raises what redis-py raises."""
    pipe: Any = client.pipeline(transaction=False)
    ask_limits(pipe, keys)
    reading = Reading(keys, pipe.execute(), time.time())
    reading.ask(pipe)
    return reading.report(pipe.execute())


def report_text(client: redis.Redis, keys: Keys) -> str:
    """The report as `needle sizes` prints it, in English."""
    return "\n".join(line.told() for line in report_lines(read_report(client, keys)))


def log_shutdown(recorder: Recorder, worker: str) -> None:
    """Log what was measured altogether: once, when a worker ends."""
    try:
        report = read_report(recorder.client, recorder.keys)
    except (redis.RedisError, OSError, ValueError) as error:
        log.warning("[WORKER SHUTDOWN] no report of sizes, Redis is away: %s", error)
        return
    log.info("[WORKER SHUTDOWN] Final report of sizes, worker %s:", worker)
    log.info("[WORKER SHUTDOWN] %s", report.answer().told())
    if report.together.analysed:
        for line in summary_lines(report):
            log.info("[WORKER SHUTDOWN] %s", line.told())
