"""How the task of every stage begins: with the claim of its batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from worker import crash
from worker.catalog import journal
from worker.catalog.batchrow import Stage
from worker.catalog.journal import Claim
from worker.catalog.owner import Owner
from worker.services import Services


@contextmanager
def claimed(
    here: Services, batch_id: int, stage: Stage, lease_seconds: float
) -> Iterator[Claim | None]:
    """The claim of a batch, handed back when the block fails; None when there is nothing to do."""
    crash.step(here)
    if type(batch_id) is not int or not 0 < batch_id < 2**63:  # forged: it would be owed for ever
        raise ValueError(f"{str(batch_id)[:40]!r} is no id of a batch")
    here.debts.settle()
    owner = Owner.current()
    try:
        held = journal.claim(here.catalog, batch_id, stage, owner, lease_seconds)
    except SQLAlchemyError:  # a connection may break after the commit
        here.debts.owe(partial(journal.disown, here.catalog, batch_id, owner))
        raise
    if held is None:
        yield None
        return
    give_back = partial(journal.send_back, here.catalog, held)
    try:
        yield held
    except SQLAlchemyError:
        here.debts.owe(give_back)
        raise
    except BaseException:
        here.debts.give_back(give_back)
        raise
