"""The web application: everything it is made of, and the one table of its routes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from web import (
    api,
    assets,
    errors,
    history,
    library_pages,
    login,
    pages,
    prometheus,
    size_pages,
    task_pages,
    trend_pages,
)
from web.access import protect
from web.activity import ActivityLog
from web.alerts import pages as alert_pages
from web.alerts.file import RuleFile
from web.alerts.watch import Watch
from web.assets import STATIC, CachedStatic
from web.attempts import Attempts
from web.celery_tasks import CeleryTasks
from web.connection import connect
from web.dispatch import Dispatcher
from web.guard import Guard
from web.hub import Hub
from web.identity import Identify, Identity
from web.library import Library
from web.metrics.monitor import Monitor
from web.missing import Missing
from web.openapi import openapi
from web.problems import Problems
from web.recent_tasks import RecentTasks
from web.refusal import RefusedError
from web.render import Renderer
from web.scans import Scans
from web.services import Services
from web.sessions import Sessions
from web.settings import WebSettings, read_settings
from web.size_card import SizeCard
from web.sizes import Sizes
from web.stream import Streams
from web.tokens import Tokens
from web.trends import Trends
from web.vault import open_vault
from wire.keys import Keys

#: Each needs a line in `web.access.TABLE`.
ROUTES = (
    Route("/", pages.index),
    Route("/events", pages.events, methods=["GET"]),
    Route("/scans", history.scans),
    Route("/scans", pages.start_scan, methods=["POST"]),
    Route("/scans/{scan_id}", pages.scan),
    Route("/scans/{scan_id}/stop", pages.stop_scan, methods=["POST"]),
    Route("/scans/{scan_id}/pause", pages.pause_scan, methods=["POST"]),
    Route("/scans/{scan_id}/resume", pages.resume_scan, methods=["POST"]),
    Route("/missing", history.missing),
    Route("/missing/purge", history.purge, methods=["POST"]),
    Route("/sizes", size_pages.sizes),
    Route("/sizes/limits", size_pages.set_limits, methods=["POST"]),
    Route("/sizes/undo", size_pages.undo, methods=["POST"]),
    Route("/sizes/automatic", size_pages.set_automatic, methods=["POST"]),
    Route("/sizes/reset", size_pages.reset, methods=["POST"]),
    Route("/library", library_pages.library),
    Route("/library/albums/{album_id}", library_pages.album),
    Route("/library/artists/{artist_id}", library_pages.artist),
    Route("/tasks", task_pages.tasks),
    Route("/tasks/{task_id:path}/revoke", task_pages.revoke, methods=["POST"]),
    Route("/trends", trend_pages.trends),
    Route("/alerts", alert_pages.alerts),
    Route("/alerts/acknowledge", alert_pages.acknowledge, methods=["POST"]),
    Route("/alerts/silence", alert_pages.silence, methods=["POST"]),
    Route("/alerts/unsilence", alert_pages.unsilence, methods=["POST"]),
    Route("/alerts/test", alert_pages.test, methods=["POST"]),
    Route("/login", login.show),
    Route("/login", login.sign_in, methods=["POST"]),
    Route("/logout", login.sign_out, methods=["POST"]),
    Route("/language", pages.set_language, methods=["POST"]),
    Route("/theme", pages.set_theme, methods=["POST"]),
    *(Route(o.path, o.endpoint, methods=[o.method]) for o in api.OPERATIONS),
    Route("/api/v1/openapi.json", openapi),
    Route("/metrics", prometheus.metrics, methods=["GET"]),
    Mount("/static", CachedStatic(directory=STATIC)),
)

_HANDLED = (RefusedError, HTTPException, RedisError, Exception)


def create_app(settings: WebSettings | None = None) -> ASGIApp:
    """The application for `settings`, by default those of the environment.

    Raises:
        SettingsError: a setting cannot be used.
        VaultError: the secrets cannot be kept.
    """
    settings = settings or read_settings()
    shared = settings.shared
    keys = Keys(shared.key_prefix)
    vault = open_vault(settings.data) if settings.auth else None
    tokens = Tokens(settings.data, vault) if vault else None

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        client, dispatcher = connect(shared.redis_url), Dispatcher(shared.redis_url, keys)
        hub = Hub(shared.redis_url, keys, shared.roots)
        renderer = Renderer(assets.load(), settings.timezone)
        monitor = Monitor(client, keys, hub)
        alerts = Watch(
            client,
            keys,
            hub,
            monitor,
            RuleFile(settings.alerts),
            renderer.words_in("fr" if settings.language == "fr" else "en"),
        )
        library = Library(client, keys, dispatcher)
        sizes = Sizes(client, keys)
        size_card = SizeCard(sizes, hub)
        log = ActivityLog(client, keys)
        identity = (
            Identity(vault, Sessions(client, keys, vault), tokens) if vault and tokens else None
        )
        app.state.services = Services(
            settings=settings,
            renderer=renderer,
            hub=hub,
            streams=Streams(hub, renderer),
            scans=Scans(client, keys, shared.roots, dispatcher),
            problems=Problems(client, keys, library),
            library=library,
            sizes=sizes,
            size_card=size_card,
            alerts=alerts,
            trends=Trends(client, keys),
            recent_tasks=RecentTasks(client, keys),
            missing=Missing(library, dispatcher, shared.roots, log),
            activity=log,
            identity=identity,
            attempts=Attempts(),
            monitor=monitor,
            celery_tasks=CeleryTasks(client, keys, hub, dispatcher),
        )
        try:
            async with hub.running(), alerts.running(), size_card.running():
                yield
        finally:
            dispatcher.close()
            await client.aclose()

    app = Starlette(
        routes=protect(ROUTES),
        exception_handlers=dict.fromkeys(_HANDLED, errors.answer),
        middleware=[Middleware(Identify)],
        lifespan=lifespan,
    )
    # Outside of everything, so that even the answer to a crash carries its headers.
    return Guard(app, settings)
