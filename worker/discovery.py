"""Finding the files of a scan: the walk, compared with what the catalog knows, into batches.

Folders are written to the journal in chunks, each in a transaction of its own with the batches
of files to read: reading begins while the walk goes on, and a discovery that died is begun again
without journaling a folder twice.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping

from wire.states import ScanMode
from worker import crash, mount, pipeline
from worker.catalog import discovery as found
from worker.catalog import queries
from worker.catalog.discovery import DiscoveryClaim, FoundChunk, FoundFolder, KnownFile
from worker.catalog.owner import Owner
from worker.control import Control
from worker.library.model import Folder, FolderError, FoundFile
from worker.library.opening import signature_of
from worker.library.walk import walk
from worker.services import Services

#: A chunk is written when it holds this many files or folders, or is this old.
CHUNK_FILES = 10_000
CHUNK_FOLDERS = 2_000
CHUNK_SECONDS = 0.5
#: The first batches are small, so that the page has something to show at once.
FIRST_BATCH_FILES = 25
LEASE_SECONDS = 120.0


class RootChangedError(Exception):
    """The root was unmounted, or replaced, while it was walked."""


class Discovery:
    """One run of the walk, for one claimed scan."""

    def __init__(self, services: Services, claim: DiscoveryClaim, owner: Owner) -> None:
        self._services, self._claim, self._owner = services, claim, owner
        self._control = Control(services, claim.scan_id)
        self._digests = (
            found.load_folder_digests(services.catalog, claim.root.id, claim.folder)
            if claim.mode is ScanMode.QUICK
            else {}
        )
        self._errors: list[FolderError] = []
        self._chunk: list[Folder] = []
        self._chunk_files = 0
        self._chunk_at = time.monotonic()
        self._batch_files = min(FIRST_BATCH_FILES, services.settings.batch_files)

    def run(self) -> bool:
        """Find all files of the scan.  False when it was stopped, paused, or taken over.

        Raises:
            RootChangedError: the root is another folder than when it began.
        """
        claim, services = self._claim, self._services
        root = claim.root.path
        before, mounted = mount.identity(root), mount.is_mounted(root)
        single = self._single_files()
        if not (self._walk() if single is None else self._write_single(single)):
            return False
        if mount.identity(root) != before:
            raise RootChangedError
        return found.finish_discovery(
            services.catalog, claim.scan_id, self._owner, self._errors, mounted=mounted
        )

    def _walk(self) -> bool:
        claim = self._claim
        for item in walk(claim.root.path, claim.folder):
            if isinstance(item, FolderError):
                self._errors.append(item)
            elif item.path not in claim.journaled:
                self._chunk.append(item)
                self._chunk_files += len(item.names)
            if self._is_chunk_due() and not self._write_chunk():
                return False
        return self._write_chunk()

    def _single_files(self) -> list[bytes] | None:
        """The files to read when the scan is not of folders, else None."""
        claim = self._claim
        if claim.mode is ScanMode.RETRY:
            return queries.problem_files(self._services.catalog, claim.root.id, claim.folder)
        path = os.path.join(claim.root.path, claim.folder)
        return [claim.folder] if claim.folder and os.path.isfile(path) else None

    def _write_single(self, paths: list[bytes]) -> bool:
        """Journal single files, to be read whatever is known of them; those that are gone wait
        for a scan of their folder."""
        claim = self._claim
        files = []
        for path in paths:
            with contextlib.suppress(OSError):
                status = os.stat(os.path.join(claim.root.path, path))
                files.append(FoundFile(path, signature_of(status)))
        chunk = FoundChunk((), self._batches(files), single_files=len(files))
        # A discovery that was begun before has written them already: it is one transaction.
        return bool(claim.files_found) or found.add_found(
            self._services.catalog, claim.scan_id, self._owner, chunk
        )

    def _is_chunk_due(self) -> bool:
        return (
            self._chunk_files >= CHUNK_FILES
            or len(self._chunk) >= CHUNK_FOLDERS
            or time.monotonic() - self._chunk_at >= CHUNK_SECONDS
        )

    def _write_chunk(self) -> bool:
        """Journal the folders seen since the last time, and let work on them begin."""
        services, claim = self._services, self._claim
        crash.step(services)
        if self._control.halt():
            return False
        known = self._known_files()
        folders, to_read = [], []
        for folder in self._chunk:
            seen, files = self._compare(folder, known.get(folder.path, {}))
            folders.append(seen)
            to_read += files
        chunk = FoundChunk(folders, self._batches(to_read))
        if not (
            found.add_found(services.catalog, claim.scan_id, self._owner, chunk)
            and found.renew_discovery(services.catalog, claim.scan_id, self._owner, LEASE_SECONDS)
        ):
            return False
        crash.step(services)
        if self._chunk:
            services.progress.at(claim.scan_id, "scan", self._chunk[-1].path)
        self._chunk, self._chunk_files, self._chunk_at = [], 0, time.monotonic()
        pipeline.publish(services, claim.scan_id)
        if to_read:
            pipeline.pump(services, claim.scan_id)
        return True

    def _known_files(self) -> dict[bytes, dict[bytes, KnownFile]]:
        """What the catalog knows of the files in the chunk's changed folders."""
        changed = [folder.path for folder in self._chunk if not self._is_unchanged(folder)]
        return found.known_files(self._services.catalog, self._claim.root.id, changed)

    def _is_unchanged(self, folder: Folder) -> bool:
        known = self._digests.get(folder.path)
        return known is not None and known.digest == folder.digest

    def _compare(
        self, folder: Folder, known: Mapping[bytes, KnownFile]
    ) -> tuple[FoundFolder, list[FoundFile]]:
        """What a folder counts for, and which of its files are to be read."""
        if self._is_unchanged(folder):
            return self._unchanged_folder(folder), []
        full = self._claim.mode is ScanMode.FULL
        to_read, unchanged, returned, known_problems = [], [], [], 0
        names = set(folder.names)
        for name, file in zip(folder.names, folder.files, strict=True):
            before = known.get(name)
            changed = before is None or before.signature != file.signature
            if before is None or changed or before.retry or (full and not before.quarantined):
                to_read.append(file)
                continue
            unchanged.append((before.id, before.id))
            known_problems += before.problem
            if before.missing:
                returned.append(before.id)
        missing = tuple(
            file.id for name, file in known.items() if name not in names and not file.missing
        )
        seen = FoundFolder(
            path=folder.path,
            digest=folder.digest,
            files_found=len(folder.names),
            unchanged=len(unchanged),
            unchanged_runs=tuple(unchanged),
            known_problems=known_problems,
            other_files=folder.other_files,
            missing_file_ids=missing,
            returned_file_ids=tuple(returned),
        )
        return seen, to_read

    def _unchanged_folder(self, folder: Folder) -> FoundFolder:
        known, files = self._digests[folder.path], len(folder.names)
        return FoundFolder(
            path=folder.path,
            digest=folder.digest,
            files_found=files,
            unchanged=files,
            known_problems=known.known_problems,
            unchanged_runs=known.runs,
            other_files=folder.other_files,
            known_id=known.id,
        )

    def _batches(self, files: list[FoundFile]) -> list[list[FoundFile]]:
        """`files` in batches that double in size up to the setting, over the whole walk."""
        batches, start = [], 0
        while start < len(files):
            batches.append(files[start : start + self._batch_files])
            start += self._batch_files
            self._batch_files = min(2 * self._batch_files, self._services.settings.batch_files)
        return batches
