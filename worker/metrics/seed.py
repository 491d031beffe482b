"""The names of Needle's oldest wish, as thin functions: measure, collect, report, recommend.

They act on the current Celery application, which `install` measures already: an application that
calls none of them has all figures as well.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, cast

from celery import Celery, current_app, current_task

from wire import payloads
from wire.limits import ask_reset, reset_activity
from worker.metrics.installing import Metrics, install
from worker.metrics.measure import measure_json_size, repr_chars
from worker.metrics.reporting import read_report, report_text

__all__ = [
    "auto_configure_celery_limits",
    "get_size_summary",
    "measure_celery_task_size",
    "measure_json_size",
    "reset_metrics",
    "update_size_metrics",
]


def measure_celery_task_size(
    task: Any, task_id: str, args: Any = None, kwargs: Any = None
) -> dict[str, Any]:
    """The sizes of a task's arguments: those given, else those of the request it runs for.

    Sizes are characters of compact JSON; `*_truncated` says whether their repr is longer than
    the limit in force now.
    """
    request = getattr(task, "request", None)
    args = _first_of(args, getattr(request, "args", None), getattr(task, "args", None), ())
    kwargs = _first_of(kwargs, getattr(request, "kwargs", None), getattr(task, "kwargs", None), {})
    app = _app(task)
    levels = app.conf.task_repr_maxlevels
    args_limit, kwargs_limit = app.amqp.argsrepr_maxsize, app.amqp.kwargsrepr_maxsize
    return {
        "task_name": getattr(task, "name", None) or str(task),
        "task_id": task_id,
        "args_size": measure_json_size(args),
        "kwargs_size": measure_json_size(kwargs),
        "args_truncated": repr_chars(tuple(args), levels) > args_limit,
        "kwargs_truncated": repr_chars(kwargs, levels) > kwargs_limit,
        "args_limit": args_limit,
        "kwargs_limit": kwargs_limit,
    }


def update_size_metrics(size_metrics: Mapping[str, Any]) -> None:
    """Count what `measure_celery_task_size` has measured.

    In an application with `install` the task that runs is counted already, and not once more.
    """
    task, task_id = str(size_metrics["task_name"]), str(size_metrics["task_id"])
    runs = bool(current_task) and current_task.request.id == task_id
    if runs and hasattr(current_task.app, "needle_metrics"):
        return
    parts = [part for part in (payloads.ARGS, payloads.KWARGS) if size_metrics[f"{part}_truncated"]]
    with _metrics().recorder as tally:
        tally.size(task, payloads.ARGS, int(size_metrics["args_size"]), task_id)
        tally.size(task, payloads.KWARGS, int(size_metrics["kwargs_size"]), task_id)
        for part in (*parts, *(["any"] if parts else [])):
            tally.cuts[task, part] += 1


def get_size_summary() -> str:
    """The report that `needle sizes` prints, in English.  Raises what redis-py raises."""
    recorder = _metrics().recorder
    recorder.flush()
    return report_text(recorder.client, recorder.keys)


def auto_configure_celery_limits() -> int | None:
    """The limit that holds the largest args and kwargs seen; None: nothing was measured.

    It changes nothing: see `needle sizes --apply`.  Raises what redis-py raises.
    """
    recorder = _metrics().recorder
    recorder.flush()
    together = read_report(recorder.client, recorder.keys).together
    limits = [together.args.advised.limit, together.kwargs.advised.limit]
    return max((limit for limit in limits if limit is not None), default=None)


def reset_metrics() -> None:
    """Begin the sizes anew; the history of days stays.  Raises what redis-py raises."""
    recorder = _metrics().recorder
    recorder.flush()
    pipe = recorder.client.pipeline()
    ask_reset(pipe, recorder.keys, reset_activity("application", time.time()))
    pipe.execute()


def _metrics() -> Metrics:
    return install(cast(Any, current_app)._get_current_object())


def _app(task: Any) -> Celery:
    app: Celery = getattr(task, "app", None) or current_app
    return app


def _first_of(*values: Any) -> Any:
    return next(value for value in values if value is not None)
