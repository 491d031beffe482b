"""`needle purge`: show which missing files would be forgotten, ask, forget them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from urllib.parse import urlencode

import click

from cli.client import Api, Document
from cli.terminal import Failure, say

SHOWN = 10


def purge(api: Api, folder: str | None, *, older_than_days: int, yes: bool) -> None:
    """Forget the missing files of the music folder `folder` (None: of all).

    Nothing on disk is touched.  Raises Failure when nobody can be asked, or the files changed
    meanwhile.
    """
    root = _root_id(api, folder) if folder is not None else None
    request: Document = {"older_than_days": older_than_days} | ({"root": root} if root else {})
    found = api.get(f"/missing?{urlencode(request)}")
    for line in _lines(found):
        say(line)
    if not found["files"]:
        return
    if found["scanned"]:
        raise Failure(f"{found['scanned']} is being scanned: try again when that is over")
    if not yes and not _agreed():
        say("Nothing was forgotten")
        return
    api.post("/missing/purge", request | {"expected": found["files"]})
    say(f"{_many(found, 'files')} will be forgotten: `needle status` and the page show it")


def _lines(found: Document) -> Iterator[str]:
    if not found["files"]:
        yield "No missing files"
        return
    oldest, newest = _day(found["oldest"]), _day(found["newest"])
    yield f"{_many(found, 'files')} missing since {oldest} to {newest}"
    yield (
        f"  would leave the catalog, with {_many(found, 'tracks')} and what is left empty: "
        f"{_many(found, 'albums')}, {_many(found, 'artists')}"
    )
    shown = found["first"][:SHOWN]
    for file in shown:
        yield f"  {file['root']}: {file['path']}"
    if found["files"] > len(shown):
        yield f"  and {found['files'] - len(shown):,} more"


def _many(found: Document, things: str) -> str:
    """Such as `1 file`, `12 files`."""
    return f"{found[things]:,} {things if found[things] != 1 else things[:-1]}"


def _day(moment: str | None) -> str:
    return (moment or "?")[:10]


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise Failure("nobody can be asked here: --yes forgets them")
    return click.confirm("Forget them?")


def _root_id(api: Api, folder: str) -> str:
    path = os.path.abspath(os.path.expanduser(folder))
    roots: list[Document] = api.get("/status")["roots"]
    for root in roots:
        if path in (root["path"], os.path.abspath(root["path"])):
            return str(root["id"])
    names = ", ".join(str(root["path"]) for root in roots) or "none"
    raise Failure(f"{path}: no music folder; there are: {names}")
