"""Addresses of static files: each carries a digest of its content, so it may be cached for ever."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"
VENDOR = "vendor"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Assets:
    """The static files as they were when the page started."""

    versions: Mapping[str, str]  #: name -> digest
    integrities: Mapping[str, str]  #: name in `vendor/` -> `sha384-…`

    def url(self, name: str) -> str:
        """The address of `app.css`, or of a vendor file such as `htmx.min.js`."""
        path = f"{VENDOR}/{name}" if name in self.integrities else name
        version = self.versions.get(path)
        return f"/static/{path}" + (f"?v={version}" if version else "")

    def integrity(self, name: str) -> str:
        """The `integrity` of a vendor file; "" when the file is not there."""
        return self.integrities.get(name, "")


def load(folder: Path = STATIC) -> Assets:
    """Read the static files once.  Without the vendor files the page works as plain HTML."""
    try:
        manifest = json.loads((folder / VENDOR / "manifest.json").read_text("utf-8"))
        integrities = {str(name): str(sri) for name, sri in manifest["files"].items()}
    except (OSError, ValueError, KeyError, AttributeError):
        log.warning("no browser files in web/static/vendor: the page will not update by itself")
        integrities = {}
    versions = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        for path in folder.rglob("*")
        if path.is_file()
    }
    return Assets(versions=versions, integrities=integrities)


class CachedStatic(StaticFiles):
    """Static files: kept for a year when asked for by version, checked every time otherwise."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        versioned = scope.get("query_string", b"").startswith(b"v=")
        response.headers["Cache-Control"] = (
            "public, max-age=31536000, immutable" if versioned else "no-cache"
        )
        return response
