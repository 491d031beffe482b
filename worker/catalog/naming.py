"""When two names, or two folders, mean the same: the rules behind artists, albums and genres."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from hashlib import blake2b

#: Characters of a key that are kept for finding and sorting; identity is in its digest.
KEY_CHARS = 200

_DISC = rb"(?:cd|dis[ck]|disque|disco|dvd|lp)[\s._-]*\d{1,2}"
_DISC_FOLDER = re.compile(_DISC + rb"(?:$|[\s._:)\]-].*)", re.IGNORECASE | re.DOTALL)
_DISC_SUFFIX = re.compile(rb"[\s._-]*[(\[]?\b" + _DISC + rb"[)\]]?$", re.IGNORECASE)
_VARIOUS = frozenset({"various artists", "various", "va", "v.a.", "artistes divers", "divers"})


@lru_cache(maxsize=8192)
def name_key(name: str) -> str:
    """`name` without what people write differently: case, width, composition, spaces.

    Two names with the same key are the same name.  "" for a name of nothing but spaces.
    """
    if name.isascii():
        return " ".join(name.lower().split())
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def is_various(name: str) -> bool:
    """Whether an album artist of this name stands for no artist in particular."""
    return name_key(name) in _VARIOUS


def digest(*parts: str | bytes) -> bytes:
    """16 bytes that stand for `parts`, in this order."""
    state = blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        state.update(b"%d:" % len(data))
        state.update(data)
    return state.digest()


def release_folder(folder: bytes) -> bytes:
    """The folder that stands for a whole release: without `CD1`, `Disc 2`, … in its name."""
    parent, _, name = folder.rpartition(b"/")
    if _DISC_FOLDER.match(name):
        return parent
    rest = _DISC_SUFFIX.sub(b"", name)
    if not rest:
        return parent
    return parent + b"/" + rest if parent else rest
