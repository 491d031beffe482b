"""The walk's side of a scan: what is known already, and writing down what was found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from wire.roots import Root
from wire.states import ScanMode
from worker.catalog.owner import Owner
from worker.catalog.store import Catalog
from worker.library.model import FolderError, FoundFile, Signature


@dataclass(frozen=True, slots=True)
class DiscoveryClaim:
    """The right to walk a scan's folders until the lease runs out."""

    scan_id: str
    root: Root
    folder: bytes  #: the part to walk, b"" = all
    mode: ScanMode
    attempt: int  #: 1 the first time
    journaled: frozenset[bytes]  #: paths of the folders this scan has written down already


class KnownFolder(NamedTuple):
    """A folder of which every file was settled when `digest` was taken."""

    id: int
    digest: bytes
    files: int
    known_problems: int


class KnownFile(NamedTuple):
    """A file of an earlier scan."""

    id: int
    signature: Signature
    retry: bool  #: to be read again even when its signature is the same
    problem: bool  #: its last outcome is one of `wire.outcomes.PROBLEMS`
    missing: bool  #: marked missing: put it in `returned_file_ids` when it is there again


@dataclass(frozen=True, slots=True)
class FoundFolder:
    """One folder as the walk saw it."""

    path: bytes
    digest: bytes
    files_found: int = 0
    unchanged: int = 0  #: files that are not read, `known_problems` included
    known_problems: int = 0
    other_files: int = 0
    missing_file_ids: tuple[int, ...] = ()  #: known and not there
    returned_file_ids: tuple[int, ...] = ()  #: marked missing, there again and unchanged


@dataclass(frozen=True, slots=True)
class FoundChunk:
    """Some whole folders, and their files that are to be read, in batches."""

    folders: Sequence[FoundFolder]
    batches: Sequence[Sequence[FoundFile]] = ()


def claim_discovery(
    catalog: Catalog, scan_id: str, owner: Owner, lease_seconds: float
) -> DiscoveryClaim | None:
    """Take the walk of a scan; None when it is walked by a living process, done or not wanted."""
    raise NotImplementedError


def renew_discovery(catalog: Catalog, scan_id: str, owner: Owner, lease_seconds: float) -> bool:
    """Prolong the lease; False when it was lost, or the scan was paused or stopped."""
    raise NotImplementedError


def release_discovery(catalog: Catalog, scan_id: str, owner: Owner) -> None:
    """Give the walk back unfinished (pause, shutdown): another may claim it at once."""
    raise NotImplementedError


def load_folder_digests(
    catalog: Catalog, root_id: str, folder: bytes = b""
) -> dict[bytes, KnownFolder]:
    """Path -> what is known, for the settled folders in `folder` (b"" = the whole root)."""
    raise NotImplementedError


def known_files(
    catalog: Catalog, root_id: str, paths: Iterable[bytes]
) -> dict[bytes, dict[bytes, KnownFile]]:
    """Folder path -> file name -> what is known of it, for the folders at `paths`.

    A folder that is not known is not in the answer.
    """
    raise NotImplementedError


def add_found(catalog: Catalog, scan_id: str, owner: Owner, chunk: FoundChunk) -> bool:
    """Write down what was found, in one transaction; folders written before are left out.

    False, with nothing written, when the owner lost its claim (or the scan is paused or stopped).
    """
    raise NotImplementedError


def finish_discovery(
    catalog: Catalog, scan_id: str, owner: Owner, errors: Sequence[FolderError] = ()
) -> bool:
    """The walk is done: the totals are known.  False when the owner lost its claim.

    Nothing under a folder of `errors` will be marked missing; when one of them is neither a
    refused permission nor a link out of the root, nothing at all will be.
    """
    raise NotImplementedError
