"""What a process could not give back to the catalog, and gives back as soon as it can."""

from __future__ import annotations

import logging
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

log = logging.getLogger(__name__)


class Debts:
    """The debts of one process.  What dies with it its leases settle."""

    def __init__(self) -> None:
        self._owed: list[Callable[[], object]] = []

    def give_back(self, action: Callable[[], object]) -> None:
        """Do `action` now or, when the catalog cannot be used, before this process's next work."""
        try:
            action()
        except SQLAlchemyError as error:
            log.warning("the catalog took nothing back, it is tried again: %s", error)
            self.owe(action)

    def owe(self, action: Callable[[], object]) -> None:
        """Do `action` before this process's next work."""
        self._owed.append(action)

    def settle(self) -> None:
        """Do what is owed.  Raises what SQLAlchemy raises while the catalog cannot be used."""
        while self._owed:
            self._owed[0]()
            self._owed.pop(0)
