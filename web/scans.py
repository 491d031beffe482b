"""Starting, stopping and reading scans: what forms and API share."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from web import activity
from web.connection import REDIS_ERRORS, read_members
from web.dispatch import Dispatcher, DispatchError
from web.refusal import RefusedError
from web.snapshot import read_scans
from wire import keys as wire_keys
from wire.events import Scan
from wire.keys import Keys
from wire.names import SCAN_CONTROL, SCAN_DISCOVERY, is_scan_id
from wire.roots import ROOT_ID, OutsideRootsError, Root, locate
from wire.scripts import PUBLISH_SCAN, TAKE_ROOT, publish_arguments
from wire.starting import discovery_arguments, queued_scan
from wire.states import ScanMode, ScanState
from wire.text import path_from_wire

#: How long the winner of a race may need to say what it started.
RACE_SECONDS, RACE_POLL_SECONDS = 5.0, 0.05


#: Give a root back if that scan still has it.  KEYS: active.  ARGV: root id, scan id.
RELEASE_ROOT = """
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) end
return 0
"""

log = logging.getLogger(__name__)


def mode_of(text: object) -> ScanMode:
    """The mode that a request names.  Raises RefusedError."""
    try:
        return ScanMode(str(text))
    except ValueError:
        raise RefusedError(
            422, "invalid_mode", "mode: quick, normal, full or retry is needed."
        ) from None


class Action(StrEnum):
    """What can be asked of a running scan."""

    STOP = "stop"
    PAUSE = "pause"
    RESUME = "resume"


class Scans:
    """The scans of one Redis."""

    def __init__(
        self, client: Redis, keys: Keys, roots: Sequence[Root], dispatcher: Dispatcher
    ) -> None:
        self._client, self._keys = client, keys
        self._roots, self._dispatcher = roots, dispatcher
        self._take_root = client.register_script(TAKE_ROOT)
        self._release_root = client.register_script(RELEASE_ROOT)
        self._publish_scan = client.register_script(PUBLISH_SCAN)

    async def recent(self, limit: int) -> tuple[Scan, ...]:
        """The newest scans, newest first."""
        ids = await read_members(self._client, self._keys.scans, -limit, -1)
        newest_first = [raw.decode("latin-1") for raw in reversed(ids)]
        return await read_scans(self._client, self._keys, newest_first)

    async def get(self, scan_id: str) -> Scan:
        """The scan of that id.  Raises RefusedError (404)."""
        scan = await self._read(scan_id) if is_scan_id(scan_id) else None
        if scan is None:
            raise RefusedError(404, "unknown_scan", "There is no scan with this id.")
        return scan

    def locate(self, text: str | None) -> list[tuple[Root, bytes]]:
        """The folders that `text` names: a path, a root's id, or all roots for None.

        What follows an id and a `/` is a path in that root, percent-encoded: exact for any name.

        Looks at the file system, which may hang: call it in a thread.  Raises RefusedError.
        """
        if not self._roots:
            raise RefusedError(409, "no_roots", "No music folder is configured (NEEDLE_MUSIC).")
        if text is None:
            return [(root, b"") for root in self._roots]
        for root in self._roots:
            if root.id == text:
                return [(root, b"")]
            if text.isascii() and text.startswith(f"{root.id}/"):
                path = path_from_wire(text.removeprefix(f"{root.id}/"))
                return [self._inside(os.path.join(root.path, path))]
        if re.match(rf"{ROOT_ID}(/|$)", text):
            raise RefusedError(404, "unknown_root", "No music folder has this id.")
        if not text.startswith(("/", "~")):
            raise RefusedError(
                422, "invalid_root", "root: the id of a music folder or an absolute path is needed."
            )
        return [self._inside(text)]

    def _inside(self, path: str | bytes) -> tuple[Root, bytes]:
        try:
            root, folder = locate(self._roots, path)
        except OutsideRootsError as error:
            raise RefusedError(403, "outside_roots", str(error)) from None
        if folder and os.path.isdir(root.path) and _is_gone(os.path.join(root.path, folder)):
            raise RefusedError(404, "unknown_folder", "There is no such file or folder.")
        return root, folder

    async def start(
        self, text: str | None, mode: ScanMode, actor: str, *, mark_anyway: bool = False
    ) -> list[tuple[Scan, bool]]:
        """Scan the folders, or the file, that `text` names (see `locate`).

        `mark_anyway`: mark missing files, however many there are.  Returns for each the scan,
        and whether it is new: a root that is being scanned already gives the running scan.
        Raises RefusedError, or what redis-py raises.
        """
        places = await asyncio.to_thread(self.locate, text)
        return [
            await self._start(queued_scan(root, folder, mode, actor, mark_anyway=mark_anyway))
            for root, folder in places
        ]

    async def request(self, scan_id: str, action: Action, actor: str) -> Scan:
        """Ask a scan to stop, pause or go on.

        Raises RefusedError: 404 unknown, 409 it has ended, 503 nobody could be told.
        """
        scan = await self.get(scan_id)
        if scan.is_final:
            raise RefusedError(409, "scan_ended", f"This scan has ended already: {scan.state}.")
        async with self._client.pipeline(transaction=True) as pipe:
            control = self._keys.control(scan_id)
            if action is Action.RESUME:
                pipe.hdel(control, Action.PAUSE)
            else:
                pipe.hset(control, action, actor)
                pipe.expire(control, wire_keys.CONTROL_TTL)
            self._add_activity(pipe, f"scan.{action}_requested", actor, scan)
            await pipe.execute()
        try:
            await self._dispatcher.send(
                SCAN_CONTROL, scan_id=scan_id, action=action.value, actor=actor
            )
        except DispatchError as error:
            raise RefusedError(503, "redis_unavailable", str(error)) from None
        if action is Action.STOP and scan.state is ScanState.QUEUED:
            # No worker may be there to say so; one that has begun it meanwhile says otherwise.
            await self._end(scan, ScanState.CANCELLED, f"Stopped by {actor} before it began.")
        return await self._read(scan_id) or scan

    async def _start(self, scan: Scan) -> tuple[Scan, bool]:
        running = await self._take(scan)
        if running is not None:
            activity.nothing()
            return running, False
        await self._publish(scan)
        async with self._client.pipeline(transaction=False) as pipe:
            self._add_activity(pipe, "scan.requested", scan.requested_by, scan)
            await pipe.execute()
        try:
            await self._dispatcher.send(SCAN_DISCOVERY, **discovery_arguments(scan))
        except DispatchError as error:
            await self._withdraw(scan, str(error))
            raise RefusedError(503, "redis_unavailable", str(error)) from None
        return scan, True

    async def _take(self, scan: Scan) -> Scan | None:
        """Take the root for `scan`; the scan that has it when that is another one.

        A holder without a document is somebody between two commands, or somebody who died there.
        """
        deadline = time.monotonic() + RACE_SECONDS
        while True:
            arguments = [scan.root_id, scan.id]
            holder = await self._take_root(keys=[self._keys.active], args=arguments)
            if holder.decode() == scan.id:
                return None
            running = await self._read(holder.decode("latin-1"))
            if running is not None and not running.is_final:
                return running
            if running is not None or time.monotonic() > deadline:
                await self._release_root(keys=[self._keys.active], args=[scan.root_id, holder])
            else:
                await asyncio.sleep(RACE_POLL_SECONDS)

    async def _withdraw(self, scan: Scan, reason: str) -> None:
        """End a scan of which no worker heard; should the message arrive after all, it is void."""
        try:
            control = self._keys.control(scan.id)
            await self._client.hset(control, Action.STOP, "system")
            await self._client.expire(control, wire_keys.CONTROL_TTL)
            await self._end(scan, ScanState.FAILED, reason)
        except REDIS_ERRORS as error:  # a worker finds it queued later, and begins it
            log.warning("scan %s stays queued: %s", scan.id, error)

    async def _end(self, scan: Scan, state: ScanState, reason: str) -> None:
        """Publish the end of a scan that no worker has begun."""
        now, revision = time.time(), scan.revision + 1
        ended = replace(scan, state=state, reason=reason, revision=revision)
        await self._publish(replace(ended, finished_at=now, updated_at=now))

    async def _publish(self, scan: Scan) -> None:
        keys, arguments = publish_arguments(self._keys, scan)
        await self._publish_scan(keys=keys, args=arguments)

    async def _read(self, scan_id: str) -> Scan | None:
        return next(iter(await read_scans(self._client, self._keys, [scan_id])), None)

    def _add_activity(self, pipe: Pipeline, action: str, actor: str, scan: Scan) -> None:
        activity.add(
            pipe,
            self._keys,
            action,
            actor=actor,
            scan_id=scan.id,
            target=scan.root,
            detail=scan.folder,
        )


def _is_gone(path: bytes) -> bool:
    """Whether nothing is there; what this process may not see is left to the worker to say."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        pass
    return False
