"""From what was read to what is stored: artists, albums, genres and rows.  Pure, no database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from worker.library.model import FileResult


@dataclass(frozen=True, slots=True)
class Grouped:
    """A batch ready to be stored; its fields are the catalog's own, see `writer.complete`."""

    files: list[list[object]]

    def to_json(self) -> dict[str, object]:
        """As plain JSON values."""
        raise NotImplementedError

    @classmethod
    def from_json(cls, data: dict[str, object]) -> Grouped:
        """The inverse of `to_json`.  Raises `record.RecordError`."""
        raise NotImplementedError


def group(results: Sequence[FileResult]) -> Grouped:
    """Find the artists, albums and genres of `results` and link every track to its own."""
    raise NotImplementedError
