"""The journal: batches of files, and who works on each.

1. A message carries a batch id and is only a hint; whether there is work is decided here.
2. A batch is claimed under a lease; every later step is fenced by that claim.
3. Attempts are counted before the dangerous work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from wire.roots import Root
from wire.states import ScanMode
from worker.catalog.owner import Owner
from worker.catalog.store import Catalog
from worker.library.model import FoundFile


class Stage(StrEnum):
    """What is to be done next with a batch: the keys of `wire.names.STAGES` after the first."""

    EXTRACT = "extract"
    BATCH = "batch"
    INSERT = "insert"


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A message to send."""

    scan_id: str
    batch_id: int
    stage: Stage


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do one stage of a batch until the lease runs out."""

    batch_id: int
    stage: Stage
    scan_id: str
    root: Root
    mode: ScanMode
    files: tuple[FoundFile, ...]  #: only at the extract stage
    attempt: int  #: how often extracting was begun, this time included
    suspects: Mapping[bytes, int]  #: path -> processes that died while they read it
    fence: int  #: tells this claim from an earlier one of the same batch


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What to send after a look at all scans that are not over."""

    dispatches: tuple[Dispatch, ...]
    discover: tuple[str, ...]  #: scans whose walk nobody does
    finish: tuple[str, ...]  #: scans that wait only for `finish_scan`


def take_pending(
    catalog: Catalog, scan_id: str, epoch: str, in_flight_limit: int
) -> list[Dispatch]:
    """Mark waiting batches as sent, so that at most `in_flight_limit` are sent or running.

    `epoch` names the contents of Redis the messages go to.  Empty when the scan is paused or
    over.  Downstream stages come first.
    """
    raise NotImplementedError


def claim(
    catalog: Catalog, batch_id: int, stage: Stage, owner: Owner, lease_seconds: float
) -> Claim | None:
    """Begin one stage of a batch; None when it is not to be done (now, or by this message).

    A running batch is taken over when its lease ran out or its owner is dead.
    """
    raise NotImplementedError


def renew(catalog: Catalog, held: Claim, lease_seconds: float) -> bool:
    """Prolong the lease; False when the claim was lost."""
    raise NotImplementedError


def note_current(catalog: Catalog, held: Claim, path: bytes | None) -> bool:
    """Write down which file is about to be read (None: none); False when the claim was lost.

    If the process dies now, the next claim counts it in `suspects`.
    """
    raise NotImplementedError


def advance(
    catalog: Catalog,
    held: Claim,
    to_stage: Stage,
    epoch: str,
    rest: Sequence[FoundFile] = (),
) -> bool:
    """The stage is done: the batch counts as sent to `to_stage`.  False when the claim was lost.

    `rest` are files that were not read; they become a batch of their own, which waits.
    """
    raise NotImplementedError


def send_back(catalog: Catalog, held: Claim) -> bool:
    """The batch record is lost, or nothing was read: extract it again, whenever its turn comes."""
    raise NotImplementedError


def reconcile(catalog: Catalog, epoch: str, in_flight_limit: int) -> Reconciled:
    """Put right what died: expired leases, dead owners, messages lost with an earlier Redis.

    At most `in_flight_limit` batches of a scan are then sent or running.
    """
    raise NotImplementedError
