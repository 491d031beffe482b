"""`GET /events`: the live page, one stream a browser.

1. Every client gets the newest version and misses what it was too slow for: there is no queue.
2. A section is rendered once a version, language and role; clients share the bytes.
3. The id of a message is `<start of this process>-<version>`: who comes back with one gets what
   changed since, whoever else gets everything.
4. A message at least every 5 s, so that a page can tell a quiet stream from a dead one.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sse_starlette.sse import EventSourceResponse, SendTimeoutError
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from web.hub import Hub
from web.refusal import RefusedError
from web.render import SECTIONS, Renderer, Section, partial
from web.settings import LANGUAGES
from web.visitor import ROLES

STREAMS_MAX = 64
STREAMS_AN_ADDRESS = 16
STREAMS_A_SESSION = 4
#: How often it is asked whether whoever reads a stream is still signed in.
CHECK_SECONDS = 20.0
#: After so long without news the header is sent again; with the tick that is under 5 s.
ALIVE_SECONDS = 3.5
PING_SECONDS = 15
SEND_TIMEOUT_SECONDS = 10

PARKED = b"event: needle:parked\ndata: .\n\n"
SIGNED_OUT = b"event: needle:signed-out\ndata: .\n\n"

_EVENT_ID = re.compile(r"(\d{1,15})-(\d{1,10})", re.ASCII)
_LINE = re.compile(r"\r\n|\r|\n")

log = logging.getLogger(__name__)


class View(NamedTuple):
    """What a rendering depends on besides the state."""

    language: str
    role: str


@dataclass(slots=True, eq=False)
class Client:
    """One open stream."""

    view: View
    session: str  #: of whoever signed in, else a name of the browser; "" when it sent none
    address: str  #: as `web.proxies.neighbourhood` gives it
    may_go_on: Callable[[], Awaitable[bool]]  #: whether its session has not been ended
    seen: int = 0  #: the newest version it was given
    farewell: bytes = b""  #: why it is to end: `PARKED` or `SIGNED_OUT`


class Frames:
    """The messages of the newest version, rendered when somebody first needs them."""

    def __init__(self, hub: Hub, renderer: Renderer) -> None:
        self._hub, self._renderer = hub, renderer
        # One epoch a view: nobody resumes in one what was begun in another.
        started_ms = int(time.time() * 1000)
        views = (View(language, role) for role in ROLES for language in LANGUAGES)
        self._epochs = {view: started_ms + i for i, view in enumerate(views)}
        self._version = 0
        self._html: dict[tuple[View, Section], tuple[str, int]] = {}  # and the version it is of
        self._views: set[View] = set()  # rendered in this version
        self._messages: dict[tuple[View, int], bytes] = {}

    def resume(self, view: View, last_event_id: str) -> int:
        """The version that a client with this Last-Event-ID has; 0 if it must get everything."""
        match = _EVENT_ID.fullmatch(last_event_id)
        if not match or int(match[1]) != self._epochs[view]:
            return 0
        return int(match[2]) if int(match[2]) <= self._hub.version else 0

    def message(self, client: Client) -> bytes:
        """What `client` does not have yet; b"" when that is nothing."""
        if self._version != self._hub.version:
            self._version = self._hub.version
            self._views.clear()
            self._messages.clear()
        if client.view not in self._views:
            self._views.add(client.view)
            self._render(client.view)
        key = (client.view, client.seen)
        if key not in self._messages:
            self._messages[key] = self._news(*key)
        client.seen = self._version
        return self._messages[key]

    def _render(self, view: View) -> None:
        state = self._hub.state()
        for section in SECTIONS:
            try:
                html = self._renderer.fragment(section, *view, state)
            except Exception:  # the rest of the page lives on
                log.exception("section %s cannot be drawn", section.id)
                continue
            if (view, section) not in self._html or html != self._html[view, section][0]:
                self._html[view, section] = html, self._version

    def sign_of_life(self, client: Client) -> bytes:
        """The header again: pings are invisible to a page."""
        html, _ = self._html.get((client.view, SECTIONS[0]), ("", 0))
        return self._encode(client.view, [partial(SECTIONS[0], html)] if html else [])

    def _news(self, view: View, seen: int) -> bytes:
        parts = []
        for section in SECTIONS:
            html, version = self._html.get((view, section), ("", 0))
            if version > seen:
                parts.append(partial(section, html))
        return self._encode(view, parts)

    def _encode(self, view: View, parts: list[str]) -> bytes:
        if not parts:
            return b""
        data = "".join(f"data: {line}\n" for line in _LINE.split("\n".join(parts)))
        return f"id: {self._epochs[view]}-{self._version}\n{data}\n".encode("utf-8", "replace")


class Streams:
    """The open streams, and how many there may be."""

    def __init__(self, hub: Hub, renderer: Renderer) -> None:
        self._hub = hub
        self._frames = Frames(hub, renderer)
        self._clients: list[Client] = []

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._clients)

    def open(
        self,
        view: View,
        *,
        session: str,
        address: str,
        last_event_id: str,
        may_go_on: Callable[[], Awaitable[bool]],
    ) -> Response:
        """A stream for one browser; the oldest of the session's streams may be parked for it.

        Raises:
            RefusedError: 503 too many streams are open, 429 too many of this address.
        """
        mine = [c for c in self._clients if session and c.session == session and not c.farewell]
        for client in mine[: max(len(mine) - STREAMS_A_SESSION + 1, 0)]:
            client.farewell = PARKED
        staying = [c for c in self._clients if not c.farewell]
        if sum(c.address == address for c in staying) >= STREAMS_AN_ADDRESS:
            raise RefusedError(429, "too_many_streams", "Too many pages are open at this address.")
        if len(self._clients) >= STREAMS_MAX:
            raise RefusedError(503, "too_many_streams", "Too many pages are open.")
        seen = self._frames.resume(view, last_event_id)
        client = Client(view, session, address, may_go_on, seen)
        self._clients.append(client)
        return _QuietStream(
            self._messages(client),
            lambda: self._clients.remove(client),
            sep="\n",
            ping=PING_SECONDS,
            send_timeout=SEND_TIMEOUT_SECONDS,
            # Anything that compresses would hold messages back.
            headers={"Content-Encoding": "identity"},
        )

    def end(self, session: str) -> None:
        """End the streams of a session that was ended, within a second."""
        for client in self._clients:
            if client.session == session:
                client.farewell = client.farewell or SIGNED_OUT

    async def _messages(self, client: Client) -> AsyncIterator[bytes]:
        with self._hub.watching():
            sent_at, checked_at = 0.0, time.monotonic()
            while not client.farewell:
                message = self._frames.message(client)
                if not message and time.monotonic() - sent_at >= ALIVE_SECONDS:
                    message = self._frames.sign_of_life(client)
                if message:
                    sent_at = time.monotonic()
                    yield message
                await self._hub.next_version()
                if time.monotonic() - checked_at >= CHECK_SECONDS:
                    checked_at = time.monotonic()
                    if not await client.may_go_on():
                        client.farewell = client.farewell or SIGNED_OUT
            yield client.farewell


class _QuietStream(EventSourceResponse):
    """A stream whose client may stop reading: it is dropped without a traceback."""

    def __init__(
        self, messages: AsyncIterator[bytes], closed: Callable[[], None], **options: Any
    ) -> None:
        super().__init__(messages, **options)
        self._closed = closed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            log.info("a page that does not read its stream was dropped")
        finally:
            self._closed()
