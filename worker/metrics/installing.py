"""`install(app)`: everything that measures, connected to one Celery application."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, cast

from celery import Celery, current_app, signals

from worker.metrics.arrival import Arrival
from worker.metrics.execution import Execution
from worker.metrics.heartbeat import Heartbeat
from worker.metrics.labels import TaskLabels
from worker.metrics.limits import LimitsReader, make_live
from worker.metrics.publishing import Publishing
from worker.metrics.recorder import Recorder
from worker.metrics.reporting import REPORT_CHARS, TaskReports, log_shutdown
from worker.metrics.resources import ResourceMeter
from worker.metrics.settings import address_of

log = logging.getLogger(__name__)

#: Records of single tasks that one process tells a second.
RECORDS_A_SECOND = 20


class Metrics:
    """What measures one application, in each of its processes: `app.needle_metrics`."""

    def __init__(
        self,
        app: Celery,
        *,
        redis_url: str | None,
        key_prefix: str | None,
        report_chars: int,
        records_a_second: int,
    ) -> None:
        address = address_of(app, redis_url, key_prefix)
        host = f"producer@{socket.gethostname()}"
        self.app = app
        #: Tells that the worker in this process ends, where there is one: see `Heartbeat`.
        self.say_goodbye: Callable[[], None] = lambda: None
        self.recorder = Recorder(address, host, records_a_second)
        labels = TaskLabels(app)
        reports = TaskReports(app, self.recorder, report_chars)
        execution = Execution(app, self.recorder, labels, reports)
        arrival = Arrival(app, self.recorder, labels, execution.running)
        publishing = Publishing(app, self.recorder, labels)
        refused = self._guarded(publishing.refused)
        self.limits_in_force = make_live(app, LimitsReader(address), refused)
        guarded = (
            (signals.before_task_publish, publishing.before),
            (signals.after_task_publish, publishing.sent),
            (signals.task_failure, arrival.failure),
            (signals.task_revoked, arrival.revoked),
            (signals.task_rejected, arrival.rejected),
            (signals.task_unknown, arrival.rejected),
        )
        self._connected: list[tuple[Any, Callable[..., None]]] = [
            (signals.task_received, arrival.received),
            (signals.task_prerun, execution.prerun),
            (signals.task_postrun, execution.postrun),
            *((signal, self._guarded(handler)) for signal, handler in guarded),
            (signals.worker_init, self._begin_worker),
            (signals.worker_process_shutdown, self._end_process),
            (signals.worker_shutdown, self._end_worker),
        ]
        self.connect()
        app.steps["consumer"].add(Heartbeat)

    def connect(self) -> None:
        """Measure; `install` has done it already."""
        for signal, handler in self._connected:
            signal.connect(handler, weak=False)
        frequent: Any
        for frequent in (signals.task_received, signals.task_prerun, signals.task_postrun):
            # Celery's own way of not looking for the receivers of a sender again: it takes a third
            # of the time of a signal, and nothing else changes.
            frequent.use_caching = True

    def disconnect(self) -> None:
        """Measure no more in this process.

        Celery's signals about sending do not say which application sends: a process that sends
        for several, and measures one, counts what all of them send.
        """
        for signal, handler in self._connected:
            signal.disconnect(handler)

    def _guarded(self, handler: Callable[..., None]) -> Callable[..., None]:
        """A handler that never raises, and whose time is counted."""
        recorder = self.recorder

        def handle(**named: Any) -> None:
            began = time.perf_counter()
            try:
                handler(**named)
            except Exception as error:  # a task must not feel that it is measured
                recorder.blame(error)
            recorder.handler_seconds += time.perf_counter() - began

        return handle

    def _begin_worker(self, sender: Any = None, **_: object) -> None:
        """This process is a worker's main process."""
        if sender is not None and sender.app is self.app:
            self.recorder.host = sender.hostname

    def _end_process(self, **_: object) -> None:
        self.recorder.finish()

    def _end_worker(self, sender: Any = None, **_: object) -> None:
        if sender is not None and sender.app is self.app:
            self.recorder.finish()
            log_shutdown(self.recorder, sender.hostname)


def install(
    app: Celery,
    *,
    redis_url: str | None = None,
    key_prefix: str | None = None,
    report_chars: int = REPORT_CHARS,
    records_a_second: int = RECORDS_A_SECOND,
) -> Metrics:
    """Measure `app` in every process that imports it: workers, their pools, senders of tasks.

    Figures go to `redis_url`, else to the Redis that NEEDLE_REDIS_URL names, else to the broker.
    A task whose args or kwargs have more than `report_chars` characters is reported in the log.
    Calling it again changes nothing.
    """
    known = cast("Metrics | None", getattr(app, "needle_metrics", None))
    if known is not None:
        return known
    metrics = Metrics(
        app,
        redis_url=redis_url,
        key_prefix=key_prefix,
        report_chars=report_chars,
        records_a_second=records_a_second,
    )
    vars(app)["needle_metrics"] = metrics
    return metrics


class ResourceMonitor:
    """Samples the memory and CPU of this process and its children into the trends."""

    def __init__(self, metrics: Metrics, interval: float, process_type: str) -> None:
        self._metrics, self._interval = metrics, interval
        self._name = f"{process_type}@{socket.gethostname()}"
        self._over = threading.Event()
        thread = threading.Thread(target=self._run, name="needle-resources", daemon=True)
        thread.start()

    def stop(self) -> None:
        """Sample no more."""
        self._over.set()

    def _run(self) -> None:
        meter = ResourceMeter()
        while not self._over.wait(self._interval):
            took = meter.look()
            with self._metrics.recorder as tally:
                tally.sample("rss", self._name, took.rss_bytes)
                tally.sample("cpu", self._name, round(took.cpu_percent * 10))


def start_global_monitor(
    interval: float = 30.0,
    process_type: str = "celery_worker",
    *,
    app: Celery | None = None,
) -> ResourceMonitor:
    """Sample this process every `interval` seconds, as `<process_type>@<host>`.

    A worker's own resources are in its heartbeat anyway; this is for processes that are none.

    Raises:
        LookupError: `install` was not called for `app` (default: the current application).
    """
    metrics = getattr(app or current_app, "needle_metrics", None)
    if metrics is None:
        raise LookupError("call install(app) before start_global_monitor()")
    return ResourceMonitor(metrics, interval, process_type)
