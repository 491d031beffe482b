"""The pages of the catalog: totals, search, one album, one artist.  They need no JavaScript."""

from __future__ import annotations

import math

from starlette.requests import Request
from starlette.responses import Response

from web.library_api import id_of
from web.preferences import page_response
from web.refusal import RefusedError
from web.services import services
from wire.answers import ROWS_MAX, SEARCH_CHARS, Detail, Found, Kind, Overview, Search

#: Pages that can be asked for: more rows than any catalog has.
PAGES_MAX = 999_999


async def library(request: Request) -> Response:
    """`GET /library`: totals and new albums; with `?q=`, `?kind=` and `?page=` what was found."""
    parts = services(request)
    text = request.query_params.get("q", "").strip()[:SEARCH_CHARS]
    kind = next((k for k in Kind if k == request.query_params.get("kind")), None)
    page = page_number(request)
    overview: Overview | None = None
    found: Found | None = None
    trouble = ""
    try:
        if text or kind:
            offset = (page - 1) * ROWS_MAX
            found = await parts.library.search(Search(text, kind, ROWS_MAX, offset))
        else:
            overview = await parts.library.overview()
    except RefusedError as refusal:
        trouble = refusal.message
    total = getattr(found, kind).total if found and kind else 0
    return _response(
        request,
        "library.html",
        503 if trouble else 200,
        overview=overview,
        found=found,
        trouble=trouble,
        q=text,
        kind=kind.value if kind else "",
        page=page,
        pages=pages_of(total),
    )


async def album(request: Request) -> Response:
    """`GET /library/albums/{album_id}`: an album and its tracks, `?page=`."""
    page = page_number(request)
    question = _detail(request.path_params["album_id"], page)
    found = await services(request).library.album(question)
    pages = pages_of(found.tracks.total)
    return _response(request, "library_album.html", found=found, page=page, pages=pages)


async def artist(request: Request) -> Response:
    """`GET /library/artists/{artist_id}`: an artist and its albums, `?page=`."""
    page = page_number(request)
    question = _detail(request.path_params["artist_id"], page)
    found = await services(request).library.artist(question)
    pages = pages_of(max(found.albums.total, found.loose.total))
    return _response(request, "library_artist.html", found=found, page=page, pages=pages)


def page_number(request: Request) -> int:
    """The number in `?page=`, 1 for anything else."""
    text = request.query_params.get("page", "1")
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(PAGES_MAX))
    return max(int(text), 1) if is_number else 1


def pages_of(total: int) -> int:
    """How many pages `total` rows fill, at least 1."""
    return max(math.ceil(total / ROWS_MAX), 1)


def _detail(text: str, page: int) -> Detail:
    return Detail(id_of(text), ROWS_MAX, (page - 1) * ROWS_MAX)


def _response(request: Request, template: str, status: int = 200, **values: object) -> Response:
    state = services(request).hub.state()
    response = page_response(request, template, state, status, **values)
    if status == 503:
        response.headers["Retry-After"] = "5"
    return response
