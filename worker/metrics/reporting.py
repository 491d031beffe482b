"""What a worker logs about sizes: each large task, now and then, and everything when it ends."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
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
from worker.metrics.running import Running

log = logging.getLogger(__name__)

#: Payloads of more characters are reported, so often a kind of task at most.
REPORT_CHARS = 1024
INTERVAL_SECONDS = 60.0


class TaskReports:
    """The report of single tasks, with the limits that are in force now."""

    def __init__(self, app: Celery, recorder: Recorder, chars: int) -> None:
        self._app, self._recorder, self._chars = app, recorder, chars
        self._due_at: dict[str, float] = {}

    def task(self, running: Running) -> None:
        """Have a task reported if it is large, and its kind was not reported a moment ago."""
        if max(running.args_size.chars, running.kwargs_size.chars) <= self._chars:
            return
        now = time.monotonic()
        if now < self._due_at.get(running.task, 0.0):
            return
        self._due_at[running.task] = now + INTERVAL_SECONDS
        amqp = self._app.amqp
        for line in task_lines(running, amqp.argsrepr_maxsize, amqp.kwargsrepr_maxsize):
            self._recorder.say(f"[CELERY MONITOR] {line.told()}")


def task_lines(running: Running, args_limit: int, kwargs_limit: int) -> Iterator[Sentence]:
    """The report of one task."""
    yield Sentence("Task: %(task)s", {"task": running.task})
    yield Sentence("ID: %(task_id)s", {"task_id": running.task_id})
    for title, part, size in (
        ("Args", ARGS, running.args_size),
        ("Kwargs", KWARGS, running.kwargs_size),
    ):
        mark = "⚠ TRUNCATED" if part in running.cut else "✓"
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
