"""Missing files: what the catalog would forget, and asking a worker to forget it.

What goes is at most what was shown: the worker takes only files that were missing by the moment
of the request, of which there were as many as was confirmed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from web import activity
from web.dispatch import Dispatcher, DispatchError
from web.library import Library
from web.refusal import RefusedError
from wire.missing import DAYS_MAX, MissingFiles, MissingQuestion, before
from wire.names import PURGE_MISSING
from wire.roots import ROOT_ID, Root


class Missing:
    """The missing files of one catalog."""

    def __init__(
        self,
        library: Library,
        dispatcher: Dispatcher,
        roots: Sequence[Root],
        log: activity.ActivityLog,
    ) -> None:
        self._library, self._dispatcher, self._activity = library, dispatcher, log
        self._root_ids = frozenset(root.id for root in roots)

    async def preview(self, root_id: str, days: int) -> MissingFiles:
        """What a purge of a root ("": of all) would delete of what is missing for `days` days.

        Raises RefusedError: 422 no such root, 503 no worker answers.
        """
        return await self._library.missing(self._question(root_id, days))

    async def purge(self, root_id: str, days: int, expected: int, actor: str) -> MissingFiles:
        """Ask for these files, `expected` in number, to be forgotten; what will go.

        Raises RefusedError: as `preview`; 409 there are more or fewer, or a scan is running.
        """
        question = self._question(root_id, days)
        found = await self._library.missing(question)
        if found.scanned:
            raise RefusedError(
                409, "root_busy", "A music folder is being scanned. Try again when that is over."
            )
        if found.files != expected:
            raise RefusedError(
                409, "count_changed", "Other files are missing than before. Look at them again."
            )
        if found.files:
            await self._send(question, actor)
            files = "1 file" if found.files == 1 else f"{found.files} files"
            await self._activity.write("missing.purge_requested", actor=actor, detail=files)
        else:
            activity.nothing()
        return found

    async def _send(self, question: MissingQuestion, actor: str) -> None:
        try:
            await self._dispatcher.send(
                PURGE_MISSING, root_id=question.root_id, before=question.before, actor=actor
            )
        except DispatchError as error:
            raise RefusedError(503, "redis_unavailable", str(error)) from None

    def _question(self, root_id: str, days: int) -> MissingQuestion:
        if re.fullmatch(ROOT_ID, root_id) and root_id not in self._root_ids:
            raise RefusedError(404, "unknown_root", "No music folder has this id.")
        if root_id and root_id not in self._root_ids:
            raise RefusedError(422, "invalid_root", "root: the id of a music folder is needed.")
        return MissingQuestion(root_id, before(days, time.time()))


def days_of(value: object) -> int:
    """A number of days as a request gives it, 0 when it gives none.  Raises RefusedError."""
    days = count_of(value if value not in (None, "") else 0)
    if days is None or days > DAYS_MAX:
        raise RefusedError(
            422,
            "invalid_older_than_days",
            f"older_than_days: a whole number from 0 to {DAYS_MAX} is needed.",
        )
    return days


def count_of(value: object) -> int | None:
    """`value` as a number of things, None when it is none."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 16:
        value = int(value)
    return value if type(value) is int and 0 <= value < 2**53 else None
