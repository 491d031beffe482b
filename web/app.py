"""The web application: everything it is made of, and the one table of its routes."""

from __future__ import annotations

import time

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

from web import assets
from web.assets import STATIC, CachedStatic
from web.render import Renderer
from web.settings import WebSettings, read_settings
from web.state import State


async def index(request: Request) -> HTMLResponse:
    renderer: Renderer = request.app.state.renderer
    state = State(version=1, at=time.time())
    return HTMLResponse(renderer.page("index.html", language="en", theme="auto", state=state))


def create_app(settings: WebSettings | None = None) -> Starlette:
    """The application for `settings`, by default those of the environment."""
    settings = settings or read_settings()
    app = Starlette(routes=[Route("/", index), Mount("/static", CachedStatic(directory=STATIC))])
    app.state.renderer = Renderer(assets.load(), settings.timezone)
    return app
