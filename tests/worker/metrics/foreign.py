"""A Celery application that knows nothing of Needle but `install`: what the tests measure.

Its broker is the one of `FOREIGN_BROKER`; `celery -A tests.worker.metrics.foreign worker` runs it.
"""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from celery import Celery
from celery.exceptions import Ignore, Reject

from worker.metrics import install, observe, training, tuning

app = Celery("foreign", broker=os.environ.get("FOREIGN_BROKER"), set_as_current=False)
app.conf.update(
    accept_content=["json", "pickle"],
    task_ignore_result=True,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    task_default_queue="foreign",
    worker_prefetch_multiplier=4,
)
if "FOREIGN_PLAIN" not in os.environ:
    metrics = install(app, redis_url=os.environ.get("FOREIGN_METRICS"))


@app.task(shared=False)
def echo(*args: Any, **kwargs: Any) -> Any:
    """What it was given, as its result."""
    return kwargs.get("answer")


@app.task(shared=False)
def nothing(*args: Any, **kwargs: Any) -> None:
    """The no-op that throughput is measured with."""


@app.task(shared=False)
def chain(levels: int, payload: str) -> None:
    """Send itself from inside a task."""
    if levels:
        chain.delay(levels - 1, payload)


@app.task(shared=False)
def forward(payload: str, queue: str) -> None:
    """Send a payload on to another queue, from inside a pool process."""
    echo.apply_async((payload,), queue=queue)


@app.task(shared=False)
def sleep(seconds: float) -> None:
    """Take some time."""
    time.sleep(seconds)


@app.task(shared=False)
def wait_for(path: str) -> None:
    """Run until there is a file."""
    while not os.path.exists(path):
        time.sleep(0.05)


@app.task(shared=False)
def fail(message: str = "no") -> None:
    """Fail by an exception."""
    raise ValueError(message)


@app.task(shared=False, bind=True, max_retries=3)
def retry_twice(self: Any) -> str:
    """Succeed at the third try."""
    if self.request.retries < 2:
        raise self.retry(exc=ConnectionError("away"), countdown=0)
    return "at last"


@app.task(shared=False)
def reject() -> None:
    """Refuse its message."""
    raise Reject("no", requeue=False)


@app.task(shared=False)
def ignore() -> None:
    """End without a state."""
    raise Ignore


@app.task(shared=False)
def die() -> None:
    """Kill its own process, as a kernel out of memory does."""
    os.kill(os.getpid(), signal.SIGKILL)


@app.task(shared=False, time_limit=1)
def overrun() -> None:
    """Run into its hard limit."""
    time.sleep(30)


@app.task(shared=False, soft_time_limit=1, time_limit=20)
def overrun_softly() -> None:
    """Run into its soft limit."""
    time.sleep(15)


@app.task(shared=False)
def parse_back(text: str) -> None:
    """What a tool does that parses a cut repr and sends it again."""
    import ast

    echo.delay(ast.literal_eval(text))


@app.task(shared=False)
def learn() -> None:
    """Observe its own domain."""
    with training("svm", samples=120, features=7):
        pass
    with tuning("grid") as run:
        run.iterations(5)
        run.best_score(0.75)
    observe("shop_seconds", 0.2, shop="a")


@app.task(shared=False)
def fork() -> None:
    """Have a child process that counts something of its own."""
    child = os.fork()
    if child == 0:
        observe("shop_seconds", 0.2, shop="forked")
        metrics.recorder.finish()
        os._exit(0)
    os.waitpid(child, 0)
