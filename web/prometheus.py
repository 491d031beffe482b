"""`GET /metrics`: everything Needle knows, for Prometheus.

Without Redis the answer is 200 all the same: `needle_redis_up` is 0, and what is not known is
not there.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterable, Iterator

from prometheus_client import ProcessCollector
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from web.metrics.domain import domain_families
from web.metrics.exporter import exporter_families
from web.metrics.exposition import CONTENT_TYPE, Family, as_metric, write
from web.metrics.monitor import Reading
from web.metrics.queues import (
    queue_families,
    recorder_families,
    redis_families,
    size_families,
)
from web.metrics.scans import page_families, scan_families
from web.metrics.tasks import task_families, task_names
from web.metrics.workers import worker_families
from web.services import services

#: Of this process: memory, CPU, open files.
_PROCESS = ProcessCollector(registry=None)


class Families(Collector):
    """The families of one moment, as prometheus-client wants them."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterator[Metric]:
        """Those that have a sample."""
        for family in self._families:
            if family.numbers or family.histograms:
                yield as_metric(family)


def families_of(reading: Reading, *, sse_clients: int) -> list[Family]:
    """Every family, in the order of docs/metrics.md."""
    state, measured = reading.state, reading.measured
    page = page_families(state, sse_clients=sse_clients, redis_up=measured is not None)
    if measured is None:
        return [*page, *_process()]
    told = [
        *task_families(state, measured),
        *worker_families(state, measured),
        *exporter_families(state, measured, reading.hosts),
        *queue_families(state, measured),
        *redis_families(measured),
        *scan_families(state),
        *size_families(task_names(measured), measured),
        *recorder_families(measured),
        *page,
        *domain_families(measured.domain),
    ]
    dropped = Family("needle_dropped_series", "gauge", "Series of this answer that are too many.")
    dropped.set(sum(family.dropped for family in told))
    return [*told, dropped, *_process()]


def _process() -> Iterator[Family]:
    """Memory, CPU and open files of this process, under the names that every process uses."""
    for metric in _PROCESS.collect():
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        family = Family(name, metric.type, metric.documentation)
        for sample in metric.samples:
            family.set(sample.value)
        yield family


async def metrics(request: Request) -> Response:
    """The text format 0.0.4; OpenMetrics only for those who take nothing else, for it is slow."""
    parts = services(request)
    reading = await parts.monitor.read()
    families = families_of(reading, sse_clients=parts.streams.count)
    accepted = request.headers.get("accept", "")
    if "application/openmetrics-text" in accepted and "text/plain" not in accepted:
        body = openmetrics.generate_latest(Families(families))  # type: ignore[no-untyped-call]
        media_type = openmetrics.CONTENT_TYPE_LATEST
    else:
        body, media_type = write(families), CONTENT_TYPE
    headers = {"Vary": "Accept, Accept-Encoding", "Content-Type": media_type}
    if "gzip" in request.headers.get("accept-encoding", ""):
        body = await asyncio.to_thread(gzip.compress, body, 1)
        headers["Content-Encoding"] = "gzip"
    return Response(body, headers=headers)
