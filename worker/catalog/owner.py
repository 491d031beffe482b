"""Who holds a lease, and whether that process is still there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, told apart from any other that has or will have its pid."""

    host: str
    boot: str
    pid: int
    start: str

    @classmethod
    def current(cls) -> Owner:
        """This process."""
        raise NotImplementedError

    def __str__(self) -> str:
        raise NotImplementedError


def owner_is_dead(text: str) -> bool:
    """Whether the owner written as `text` certainly runs no more.

    False for an owner on another host: nothing is known of it.
    """
    raise NotImplementedError
