"""What `/metrics` says, as samples."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.servers import wait_until

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def samples_of(text: str) -> Samples:
    """Every sample of a scrape by name and labels; none is there twice."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, key
            found[key] = sample.value
    return found


def value(samples: Samples, name: str, /, **labels: str) -> float | None:
    return samples.get((name, frozenset(labels.items())))


def scrape(http: httpx.Client) -> Samples:
    """What `/metrics` says now."""
    answer = http.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return samples_of(answer.text)


def wait_for(
    http: httpx.Client, name: str, expected: float | None = None, /, **labels: str
) -> Samples:
    """The first scrape with that sample (that has the value `expected`)."""

    def look() -> Samples | None:
        samples = scrape(http)
        found = value(samples, name, **labels)
        return samples if found is not None and expected in (None, found) else None

    found = wait_until(look, what=f"{name}{labels} is {expected}")
    assert isinstance(found, dict)
    return found


def wait_until_new(http: httpx.Client) -> None:
    """Wait until a page has noticed that its Redis was emptied after the last test."""

    def is_new() -> bool:
        samples = scrape(http)
        tasks = any(name.startswith("celery_task_") for name, _ in samples)
        return not tasks and value(samples, "celery_workers_total") == 0

    wait_until(is_new, what="the page has forgotten the last test")
