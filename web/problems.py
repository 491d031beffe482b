"""The problems of one scan: pages of them, and all as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass

from redis.asyncio import Redis

from web.connection import read_members
from web.library import Library
from web.snapshot import load_or_none, problems_total
from web.views import iso
from wire.events import Problem, Scan
from wire.keys import Keys
from wire.text import formula_safe

CHUNK = 500
CSV_HEADER = ("id", "path", "outcome", "error_class", "message", "size_bytes", "at")


@dataclass(frozen=True, slots=True)
class ProblemPage:
    """Some problems of a scan, in order, and how many there are like them."""

    rows: tuple[Problem, ...]
    total: int


class Problems:
    """The lists of problems of one Redis; at most `PROBLEMS_KEPT` a scan."""

    def __init__(self, client: Redis, keys: Keys, library: Library) -> None:
        self._client, self._keys, self._library = client, keys, library

    async def recall(self, scan: Scan) -> None:
        """Make sure that Redis has the list of an old scan, which a worker writes again.

        Raises RefusedError (503): no worker answers.
        """
        if not scan.is_final or not problems_total(scan, 0):
            return
        if not await self._client.exists(self._keys.problems(scan.id)):
            await self._library.recall_problems(scan.id)

    async def page(
        self, scan_id: str, *, outcome: str | None = None, offset: int, limit: int
    ) -> ProblemPage:
        """`limit` problems from the `offset`th on, all or those with one outcome."""
        key = self._keys.problems(scan_id)
        if outcome is None:
            total = await self._client.zcard(key)
            return ProblemPage(await self._range(key, offset, limit), total)
        rows: list[Problem] = []
        total = 0
        async for chunk in self.chunks(scan_id):
            for problem in chunk:
                if problem.outcome == outcome:
                    if offset <= total < offset + limit:
                        rows.append(problem)
                    total += 1
        return ProblemPage(tuple(rows), total)

    async def chunks(self, scan_id: str) -> AsyncIterator[tuple[Problem, ...]]:
        """All problems in order, some hundred at a time."""
        key = self._keys.problems(scan_id)
        for offset in range(0, await self._client.zcard(key), CHUNK):
            yield await self._range(key, offset, CHUNK)

    async def csv(self, scan_id: str, *, outcome: str | None = None) -> AsyncIterator[bytes]:
        """All problems, or those with one outcome, as CSV in UTF-8; no cell is a formula."""
        yield _csv_line(CSV_HEADER)
        async for chunk in self.chunks(scan_id):
            yield b"".join(
                _csv_line(
                    (
                        str(problem.id),
                        formula_safe(problem.path),
                        formula_safe(problem.outcome),
                        formula_safe(problem.error_class),
                        formula_safe(problem.message),
                        str(problem.size_bytes),
                        iso(problem.at) or "",
                    )
                )
                for problem in chunk
                if outcome in (None, problem.outcome)
            )

    async def _range(self, key: str, offset: int, limit: int) -> tuple[Problem, ...]:
        docs = await read_members(self._client, key, offset, offset + limit - 1)
        return tuple(problem for doc in docs if (problem := load_or_none(Problem, doc)))


def _csv_line(cells: tuple[str, ...]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().encode("utf-8", "backslashreplace")
