"""What every request can use: made once with the application, found through the request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from starlette.requests import Request

from web.activity import ActivityLog
from web.alerts.watch import Watch
from web.attempts import Attempts
from web.celery_tasks import CeleryTasks
from web.hub import Hub
from web.identity import Identity
from web.library import Library
from web.metrics.monitor import Monitor
from web.missing import Missing
from web.problems import Problems
from web.recent_tasks import RecentTasks
from web.render import Renderer
from web.scans import Scans
from web.settings import WebSettings
from web.size_card import SizeCard
from web.sizes import Sizes
from web.stream import Streams
from web.trends import Trends


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of the application."""

    settings: WebSettings
    renderer: Renderer
    hub: Hub
    streams: Streams
    scans: Scans
    problems: Problems
    library: Library
    missing: Missing
    sizes: Sizes
    size_card: SizeCard
    alerts: Watch
    trends: Trends
    recent_tasks: RecentTasks
    activity: ActivityLog
    identity: Identity | None  #: None: NEEDLE_AUTH is off, everybody is an operator
    attempts: Attempts
    monitor: Monitor
    celery_tasks: CeleryTasks


def services(request: Request) -> Services:
    """The services of the application that handles `request`."""
    return cast(Services, request.app.state.services)
