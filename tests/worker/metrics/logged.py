"""A Celery application whose tasks are logged, and that knows nothing else of Needle."""

from __future__ import annotations

import os
import time
from typing import Any

from celery import Celery, signals

from wire.logs import start_logging
from wire.settings import read_logging
from worker.metrics.logs import log_tasks

app = Celery("logged", broker=os.environ.get("LOGGED_BROKER", "redis://127.0.0.1:1/0"))
app.conf.update(
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
    task_default_queue="logged",
    worker_cancel_long_running_tasks_on_connection_loss=False,
)
if "LOGGED_BROKER" in os.environ:
    start_logging("logged", read_logging())
    signals.setup_logging.connect(lambda **_: None, weak=False)
    log_tasks(app, every_task=os.environ.get("LOGGED_TASKS") == "all")


@app.task(shared=False)
def echo(*args: Any, **kwargs: Any) -> Any:
    """What it was given, as its result."""
    return [args, kwargs]


@app.task(shared=False)
def sign_in(user: str, password: str) -> None:
    """Fail, and say the password in doing so."""
    raise PermissionError(f"no session for {user}, password={password}\nforged line")


@app.task(shared=False, bind=True, max_retries=1)
def retry_once(self: Any) -> None:
    """Succeed at the second try."""
    if not self.request.retries:
        raise self.retry(exc=ConnectionError("away"), countdown=0)


@app.task(shared=False)
def sleep(seconds: float) -> None:
    """Take some time."""
    time.sleep(seconds)


@app.task(shared=False, time_limit=1)
def overrun() -> None:
    """Run into its hard limit."""
    time.sleep(30)
