"""Language and theme of a request, and pages drawn in them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse

from web.services import services
from web.settings import LANGUAGES
from web.state import State
from web.visitor import visitor_in

LANGUAGE_COOKIE = "needle_lang"
THEME_COOKIE = "needle_theme"
THEMES = ("auto", "light", "dark")
ONE_YEAR_SECONDS = 365 * 24 * 3600


def language_of(request: Request) -> str:
    """What the visitor chose, else what the settings say, else what the browser asks for."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in LANGUAGES:
        return chosen
    configured = services(request).settings.language
    return configured if configured in LANGUAGES else _accepted(request)


def theme_of(request: Request) -> str:
    """`auto`, `light` or `dark`."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else THEMES[0]


def page_response(
    request: Request, template: str, state: State, status: int = 200, **values: object
) -> HTMLResponse:
    """A whole page in the visitor's language and theme."""
    visitor = visitor_in(request.scope)
    html = services(request).renderer.page(
        template,
        language=language_of(request),
        theme=theme_of(request),
        state=state,
        role=visitor.role,
        visitor=visitor,
        here=request.url.path,
        **values,
    )
    # Text of files may hold lone surrogates.
    return HTMLResponse(
        html.encode("utf-8", "replace"), status, {"Vary": "Cookie, Accept-Language"}
    )


def _accepted(request: Request) -> str:
    """The language of `Accept-Language` with the largest weight that we have, else English."""
    weights: dict[str, float] = {}
    for item in request.headers.get("accept-language", "").split(","):
        tag, _, parameter = item.strip().partition(";")
        language = tag.split("-")[0].lower()
        try:
            weight = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if language in LANGUAGES and 0 < weight <= 1:
            weights[language] = max(weight, weights.get(language, 0.0))
    return max(weights, key=lambda language: weights[language], default=LANGUAGES[0])
