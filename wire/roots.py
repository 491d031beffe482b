"""The music folders that may be scanned.  Web, worker and cli agree on them through ids.

A root's id is a digest of its resolved path, so a message names a root without carrying a
path, and a worker opens only what it was itself configured with.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wire.text import display_path

#: What the id of a root looks like.
ROOT_ID = r"[0-9a-f]{12}"


class OutsideRootsError(ValueError):
    """A path that lies, after resolving links, in no configured music folder."""


@dataclass(frozen=True, slots=True)
class Root:
    """A configured music folder: `path` is absolute, resolved, and bytes."""

    id: str
    path: bytes
    display: str


def make_root(path: str | bytes) -> Root:
    """The root at `path`, made absolute, `~` expanded and links resolved; it need not exist."""
    resolved = os.path.realpath(os.path.expanduser(os.fsencode(path)))
    digest = hashlib.sha256(resolved).hexdigest()[:12]
    return Root(id=digest, path=resolved, display=display_path(resolved))


def parse_roots(text: str) -> tuple[Root, ...]:
    r"""The roots in `text`: paths joined by `:`; a `:` or `\` inside a path is written `\:`, `\\`.

    Empty entries are ignored, a folder named twice is one root.
    """
    parts = re.findall(r"(?:\\.|[^:\\])+", text, flags=re.DOTALL)
    roots = (make_root(re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL)) for part in parts)
    return tuple({root.id: root for root in roots}.values())


def join_roots(paths: Iterable[str]) -> str:
    """The inverse of `parse_roots` for setting an environment variable."""
    return ":".join(path.replace("\\", "\\\\").replace(":", "\\:") for path in paths)


def locate(roots: Sequence[Root], path: str | bytes) -> tuple[Root, bytes]:
    """The root that holds `path` (links resolved) and the rest of the path, `b""` for the root.

    Raises:
        OutsideRootsError: `path` is in none of `roots`; the message names the roots.
    """
    try:
        resolved = os.path.realpath(os.path.expanduser(os.fsencode(path)))
    except ValueError as error:  # an embedded NUL
        raise OutsideRootsError(f"not a path: {error}") from None
    for root in sorted(roots, key=lambda r: len(r.path), reverse=True):
        if resolved == root.path:
            return root, b""
        prefix = root.path.rstrip(b"/") + b"/"
        if resolved.startswith(prefix):
            return root, resolved[len(prefix) :]
    known = ", ".join(root.display for root in roots) or "none is configured"
    raise OutsideRootsError(
        f"{display_path(resolved)} is not inside a configured music folder ({known})"
    )
