"""Asking a worker about the catalog: the web process holds no database driver.

1. A question is a task, its answer an entry of a Redis list that only this question knows.
2. Nobody waits longer than `DEADLINE_SECONDS`, and at most `QUESTIONS_MAX` wait at a time.
3. What the workers wrote down of their own accord, the overview, needs no question.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, TypeVar

from redis.asyncio import Redis

from web.dispatch import Dispatcher, DispatchError
from web.refusal import RefusedError
from wire.answers import (
    AlbumDetail,
    AnswerError,
    ArtistDetail,
    Detail,
    Found,
    Overview,
    Recalled,
    Search,
    unpack,
)
from wire.events import EventError, dump, load
from wire.keys import ANSWER_TTL, Keys
from wire.missing import MissingFiles, MissingQuestion
from wire.names import (
    LIBRARY_ALBUM,
    LIBRARY_ARTIST,
    LIBRARY_MISSING,
    LIBRARY_OVERVIEW,
    LIBRARY_PROBLEMS,
    LIBRARY_SEARCH,
    new_answer_id,
)

#: A worker hands over after a slice of at most 5 s.
DEADLINE_SECONDS = 8.0
QUESTIONS_MAX = 8
#: A blocking read must end before the connection's own timeout.
_BLOCK_SECONDS = 2

T = TypeVar("T")

log = logging.getLogger(__name__)


class Library:
    """The catalog as the workers of one Redis tell it."""

    def __init__(self, client: Redis, keys: Keys, dispatcher: Dispatcher) -> None:
        self._client, self._keys, self._dispatcher = client, keys, dispatcher
        self._waiting = 0

    async def overview(self) -> Overview:
        """Totals and recently added albums, as the last scan left them.  Raises RefusedError."""
        document: Any = await self._client.get(self._keys.overview)
        try:
            return load(Overview, document or b"")
        except EventError:
            return await self._ask(LIBRARY_OVERVIEW, Overview, "")

    async def search(self, question: Search) -> Found:
        """What the words of `question` find.  Raises RefusedError."""
        return await self._ask(LIBRARY_SEARCH, Found, dump(question))

    async def album(self, question: Detail) -> AlbumDetail:
        """One album.  Raises RefusedError (404: there is none of that id)."""
        found = await self._ask(LIBRARY_ALBUM, AlbumDetail, dump(question))
        if found.album is None:
            raise RefusedError(404, "unknown_album", "There is no album with this id.")
        return found

    async def artist(self, question: Detail) -> ArtistDetail:
        """One artist.  Raises RefusedError (404: there is none of that id)."""
        found = await self._ask(LIBRARY_ARTIST, ArtistDetail, dump(question))
        if found.artist is None:
            raise RefusedError(404, "unknown_artist", "There is no artist with this id.")
        return found

    async def missing(self, question: MissingQuestion) -> MissingFiles:
        """What a purge would delete.  Raises RefusedError."""
        return await self._ask(LIBRARY_MISSING, MissingFiles, dump(question))

    async def recall_problems(self, scan_id: str) -> None:
        """Have the problems of an old scan written to Redis again.  Raises RefusedError."""
        await self._ask(LIBRARY_PROBLEMS, Recalled, scan_id)

    async def _ask(self, task: str, cls: type[T], question: str) -> T:
        """The answer of `task`.  Raises RefusedError (503), or what redis-py raises."""
        if self._waiting >= QUESTIONS_MAX:
            raise RefusedError(
                503, "too_many_questions", "Too many questions are waiting. Try again in a moment."
            )
        self._waiting += 1
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                return unpack(cls, await self._answer(task, question))
        except TimeoutError:
            raise RefusedError(
                503,
                "no_answer",
                "The workers are busy, or none is running. Try again in a moment.",
            ) from None
        except DispatchError as error:
            raise RefusedError(503, "redis_unavailable", str(error)) from None
        except AnswerError as error:
            log.warning("%s: %s", task, error)
            raise RefusedError(
                503, "not_answered", "The worker could not read the catalog; see its log."
            ) from None
        finally:
            self._waiting -= 1

    async def _answer(self, task: str, question: str) -> bytes:
        answer_id = new_answer_id()
        await self._dispatcher.send(
            task, expires_seconds=ANSWER_TTL, answer_id=answer_id, question=question
        )
        key = self._keys.answer(answer_id)
        while True:
            entry: Any = await self._client.blpop([key], timeout=_BLOCK_SECONDS)
            if entry is not None:
                return bytes(entry[1])
