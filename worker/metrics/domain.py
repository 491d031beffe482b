"""Metrics of an application's own: counts, gauges, times; training and tuning by name.

    with training("random_forest", samples=len(x), features=x.shape[1]):
        model.fit(x, y)

Without `install` nothing happens.  Labels must be few: each combination is a series for good.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from celery import Celery, current_app

from wire import domain
from wire.domain import series_labels
from worker.metrics.labels import Labels
from worker.metrics.recorder import Recorder
from worker.metrics.tally import Tally

#: Series of one process.
SERIES_MAX = 500
_series = Labels(SERIES_MAX)


def observe(name: str, seconds: float, *, app: Celery | None = None, **labels: str) -> None:
    """Take a time into the histogram `name`."""
    if seconds >= 0 and math.isfinite(seconds):
        key = _key(name, labels)
        _change(app, lambda tally: tally.domain_times[key].add(seconds))


def count(name: str, by: int = 1, *, app: Celery | None = None, **labels: str) -> None:
    """Add `by`, which is not negative, to the counter `name`."""
    if by > 0:
        key = _key(name, labels)

        def add(tally: Tally) -> None:
            tally.domain_counts[key] += by

        _change(app, add)


def gauge(name: str, value: float, *, app: Celery | None = None, **labels: str) -> None:
    """Set the gauge `name`: of several processes the one that set it last is right."""
    if math.isfinite(value):
        key = _key(name, labels)

        def put(tally: Tally) -> None:
            tally.domain_gauges[key] = float(value)

        _change(app, put)


@contextmanager
def training(
    model_type: str,
    *,
    samples: int | None = None,
    features: int | None = None,
    app: Celery | None = None,
) -> Iterator[None]:
    """Observe one training: its time, its success or failure, the models that came of it."""
    if samples is not None:
        gauge(domain.TRAINING_SAMPLES, samples, app=app, model_type=model_type)
    if features is not None:
        gauge(domain.TRAINING_FEATURES, features, app=app, model_type=model_type)
    began = time.perf_counter()
    status = "failure"
    try:
        yield
        status = "success"
        count(domain.MODELS_TRAINED, app=app, model_type=model_type)
    finally:
        took = time.perf_counter() - began
        observe(domain.TRAINING_SECONDS, took, app=app, model_type=model_type)
        count(domain.TRAININGS, app=app, model_type=model_type, status=status)


class Tuning:
    """What a tuning says of itself while it runs."""

    def __init__(self, method: str, app: Celery | None) -> None:
        self._method, self._app = method, app

    def iterations(self, number: int = 1) -> None:
        """So many more iterations are done."""
        count(domain.TUNING_ITERATIONS, number, app=self._app, method=self._method)

    def best_score(self, score: float) -> None:
        """The best score of this run so far."""
        gauge(domain.TUNING_BEST_SCORE, score, app=self._app, method=self._method)


@contextmanager
def tuning(method: str, *, app: Celery | None = None) -> Iterator[Tuning]:
    """Observe one tuning: its time, its success or failure, and what it says of itself."""
    began = time.perf_counter()
    status = "failure"
    try:
        yield Tuning(method, app)
        status = "success"
    finally:
        took = time.perf_counter() - began
        observe(domain.TUNING_SECONDS, took, app=app, method=method)
        count(domain.TUNINGS, app=app, method=method, status=status)


def _key(name: str, labels: dict[str, str]) -> tuple[str, str]:
    series = series_labels(name, {key: str(value) for key, value in labels.items()})
    return series if _series("|".join(series)) != "other" else (name, "")


def _change(app: Celery | None, change: Callable[[Tally], None]) -> None:
    metrics = getattr(app or current_app, "needle_metrics", None)
    if metrics is not None:
        recorder: Recorder = metrics.recorder
        with recorder as tally:
            change(tally)
