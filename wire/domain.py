"""Metrics of the application's own domain, such as training and tuning: kinds, names, reading.

Three kinds: counts that grow, gauges that hold the latest value, and times in a histogram.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from wire.fields import read_counters, read_texts
from wire.metrics import Histogram, histograms

#: Times, in seconds.
TRAINING_SECONDS = "training_duration_seconds"  #: model_type
TUNING_SECONDS = "tuning_duration_seconds"  #: method
#: Counts.
TRAININGS = "training_total"  #: model_type, status (success, failure)
MODELS_TRAINED = "models_trained_total"  #: model_type
TUNINGS = "tuning_total"  #: method, status
TUNING_ITERATIONS = "tuning_iterations_total"  #: method
#: Gauges: of the latest run.
TRAINING_SAMPLES = "training_samples"  #: model_type
TRAINING_FEATURES = "training_features"  #: model_type
TUNING_BEST_SCORE = "tuning_best_score"  #: method

#: Name and labels: `("training_total", (("model_type", "svm"), ("status", "success")))`.
Series = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Domain:
    """Everything that was observed."""

    counts: Mapping[Series, int] = field(default_factory=dict)
    gauges: Mapping[Series, float] = field(default_factory=dict)
    times: Mapping[Series, Histogram] = field(default_factory=dict)


def series_labels(name: str, labels: Mapping[str, str]) -> tuple[str, str]:
    """A series as the two labels of a field: its name, and `key=value` joined by `,`."""
    pairs = (f"{_plain(key)}={_plain(value)}" for key, value in sorted(labels.items()))
    return name, ",".join(pairs)


def read_domain(raw: Mapping[bytes, bytes]) -> Domain:
    """`HGETALL` of `Keys.metrics_domain`."""
    counters = read_counters(raw)
    gauges = {labels: _number(text) for labels, text in read_texts(raw, "gauge").items()}
    return Domain(
        counts={_series(key): n for key, n in counters.get("count", {}).items() if len(key) == 2},
        gauges={_series(k): n for k, n in gauges.items() if len(k) == 2 and n is not None},
        times={_series(key): found for key, found in histograms(counters, "seconds", 2).items()},
    )


def _series(labels: tuple[str, ...]) -> Series:
    name, text = labels
    pairs = (pair.partition("=") for pair in text.split(",") if pair)
    return name, tuple((key, value) for key, _, value in pairs)


def _plain(text: str) -> str:
    return text.replace(",", ";").replace("=", ":")[:60]


def _number(text: bytes) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
