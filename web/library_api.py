"""The JSON API of the catalog: totals, search, one album, one artist."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from web import schemas
from web.errors import ApiResponse
from web.operations import PREFIX, Operation, Parameter, whole_number
from web.refusal import RefusedError
from web.services import services
from web.views import iso
from wire.answers import OFFSET_MAX, ROWS_MAX, SEARCH_CHARS, Detail, Kind, Listed, Search, Track

Json = dict[str, Any]


async def overview(request: Request) -> Response:
    """Totals and recently added albums."""
    found = await services(request).library.overview()
    return ApiResponse({**asdict(found), "at": iso(found.at)})


async def search(request: Request) -> Response:
    """Artists, albums and tracks that hold every word."""
    text, kind = request.query_params.get("q", ""), request.query_params.get("kind")
    if len(text) > SEARCH_CHARS:
        raise RefusedError(422, "invalid_q", f"q: at most {SEARCH_CHARS} characters are accepted.")
    if kind is not None and kind not in list(Kind):
        raise RefusedError(422, "invalid_kind", f"kind: one of {', '.join(Kind)} is needed.")
    limit, offset = _page(request)
    question = Search(text, Kind(kind) if kind else None, limit, offset)
    found = await services(request).library.search(question)
    lists = {
        Kind.ARTISTS: _listed(found.artists),
        Kind.ALBUMS: _listed(found.albums),
        Kind.TRACKS: _listed(found.tracks),
    }
    asked_for = {k.value: rows if kind in (None, k) else None for k, rows in lists.items()}
    return ApiResponse({"q": text, "kind": kind, "offset": offset, **asked_for})


async def album(request: Request) -> Response:
    """One album with its tracks."""
    found = await services(request).library.album(_detail(request, "album_id"))
    return ApiResponse(
        {
            "album": found.album and asdict(found.album),
            "artists": [asdict(artist) for artist in found.artists],
            "tracks": _listed(found.tracks),
        }
    )


async def artist(request: Request) -> Response:
    """One artist with its albums."""
    found = await services(request).library.artist(_detail(request, "artist_id"))
    return ApiResponse(
        {
            "artist": found.artist and asdict(found.artist),
            "albums": _listed(found.albums),
            "tracks": _listed(found.loose),
        }
    )


def id_of(text: str) -> int:
    """The id in a path.  Raises RefusedError (404)."""
    if text.isascii() and text.isdecimal() and len(text) < 19 and int(text) > 0:
        return int(text)
    raise RefusedError(404, "unknown_id", "There is nothing with this id.")


def _detail(request: Request, name: str) -> Detail:
    return Detail(id_of(request.path_params[name]), *_page(request))


def _page(request: Request) -> tuple[int, int]:
    limit = whole_number(request, "limit", ROWS_MAX, low=1, high=ROWS_MAX)
    return limit, whole_number(request, "offset", 0, low=0, high=OFFSET_MAX)


def _listed(listed: Listed) -> Json:
    rows = [asdict(artist) for artist in listed.artists]
    rows += [asdict(album) for album in listed.albums]
    rows += [_track(track) for track in listed.tracks]
    return {"total": listed.total, "rows": rows}


def _track(track: Track) -> Json:
    return {**asdict(track), "missing_since": iso(track.missing_since)}


_PAGE = (
    Parameter("limit", schemas.whole_number(1, ROWS_MAX, ROWS_MAX), "How many at most."),
    Parameter("offset", schemas.whole_number(0, OFFSET_MAX, 0), "How many to leave out first."),
)
_KIND = {"type": "string", "enum": [kind.value for kind in Kind]}
OPERATIONS = (
    Operation(
        "GET",
        f"{PREFIX}/library",
        "readLibrary",
        "What is in the catalog altogether, and the albums that were added last.",
        overview,
        {200: "Library", 503: "Error"},
    ),
    Operation(
        "GET",
        f"{PREFIX}/library/search",
        "searchLibrary",
        "Artists, albums and audio files that hold every word, whatever its case and accents; "
        "all of them when there is no word. Without kind: the first of each.",
        search,
        {200: "LibraryFound", 422: "Error", 503: "Error"},
        (
            Parameter("q", {"type": "string", "maxLength": SEARCH_CHARS}, "Words to look for."),
            Parameter("kind", _KIND, "Only these."),
            *_PAGE,
        ),
    ),
    Operation(
        "GET",
        f"{PREFIX}/library/albums/{{album_id}}",
        "readAlbum",
        "An album, its artists and its tracks in order.",
        album,
        {200: "LibraryAlbum", 404: "Error", 422: "Error", 503: "Error"},
        _PAGE,
    ),
    Operation(
        "GET",
        f"{PREFIX}/library/artists/{{artist_id}}",
        "readArtist",
        "An artist, the albums it is on by date, and its tracks that belong to no album.",
        artist,
        {200: "LibraryArtist", 404: "Error", 422: "Error", 503: "Error"},
        _PAGE,
    ),
)
