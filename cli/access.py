"""`needle login-link`, `needle sessions` and `needle tokens`: who may come in.

They ask the running Needle, over loopback and with the operator token of its data folder: so
there is one place that decides, and a revoked session ends at once (docs/decisions/signing-in.md).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from cli.client import Api, Document
from cli.lan import address_of
from cli.qr import qr_lines
from cli.terminal import say


def login_link(
    api: Api, address: str, role: str, *, with_code: bool = True, as_json: bool = False
) -> None:
    """Print a one-time link, and its QR code.

    `address`: of the page as people open it; NEEDLE_PUBLIC_URL of the page goes before it.
    """
    made = api.post("/login-links", {"role": role})
    link = (made["public_url"] or address or address_of(api.url)) + made["path"]
    if as_json:
        _print_json({"url": link, "role": role, "seconds": made["seconds"]})
        return
    say(link)
    say(f"It signs one browser in as {role}, once, within {made['seconds'] // 60} minutes")
    if with_code and _can_draw():
        say("")
        for line in qr_lines(link):
            say("  " + line)


def sessions_list(api: Api, *, as_json: bool) -> None:
    """Print who is signed in."""
    sessions = api.get("/sessions")["sessions"]
    if as_json:
        _print_json(sessions)
        return
    _print_table(
        ("id", "role", "device", "address", "signed in", "last seen"),
        [
            (
                s["id"],
                s["role"],
                s["device"] or "?",
                s["address"],
                _at(s, "created"),
                _at(s, "seen"),
            )
            for s in sessions
        ],
        "Nobody is signed in",
    )


def sessions_revoke(api: Api, session_id: str, *, as_json: bool) -> None:
    """Sign a browser out."""
    ended = api.delete(f"/sessions/{_id(session_id)}")
    if as_json:
        _print_json(ended)
        return
    say(f"Signed out: {ended['device'] or 'a browser'} ({ended['role']}, {ended['address']})")


def tokens_list(api: Api, *, as_json: bool) -> None:
    """Print the API tokens, without what they are."""
    tokens = api.get("/tokens")["tokens"]
    if as_json:
        _print_json(tokens)
        return
    rows = [(t["id"], t["scope"], t["name"] or "-", _at(t, "created")) for t in tokens]
    _print_table(("id", "scope", "name", "made"), rows, "There are no tokens")


def tokens_create(api: Api, scope: str, name: str, *, as_json: bool) -> None:
    """Make an API token and print it."""
    made = api.post("/tokens", {"scope": scope, "name": name})
    if as_json:
        _print_json(made)
        return
    say(made["token"])
    say(f"It is shown this once. `needle tokens revoke {made['id']}` makes it worthless")


def tokens_revoke(api: Api, token_id: str, *, as_json: bool) -> None:
    """Make an API token worthless."""
    revoked = api.delete(f"/tokens/{_id(token_id)}")
    if as_json:
        _print_json(revoked)
        return
    say(f"Revoked: {revoked['id']} ({revoked['scope']}{_named(revoked)})")


def _id(text: str) -> str:
    """An id as part of an address.  What can be none is asked for all the same: nobody has it."""
    return text if text.isascii() and text.isalnum() else "-"


def _named(token: Document) -> str:
    return f", {token['name']}" if token["name"] else ""


def _at(document: Document, what: str) -> str:
    return str(document[f"{what}_at"])[:16].replace("T", " ")


def _print_table(heads: Sequence[str], rows: Sequence[Sequence[str]], nothing: str) -> None:
    if not rows:
        say(nothing)
        return
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        say("  ".join(cells).rstrip())


def _print_json(document: object) -> None:
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def _can_draw() -> bool:
    try:
        "█▀▄".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
