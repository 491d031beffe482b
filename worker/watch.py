"""`python -m worker.watch`: tells the workers which folders changed and have become quiet.

1. It is a process of its own: the threads it needs would not survive the forks of a worker.
2. It decides nothing.  It writes down one folder a root; a worker scans it when nothing else
   scans that root and it is not quiet hours.
3. Whatever it cannot see for sure (too many changes, names it cannot be told) is the whole root.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from typing import cast

import redis
from watchfiles import watch

from wire.events import dump
from wire.keys import WATCH_TTL, Keys
from wire.logs import start_logging
from wire.roots import Root
from wire.schedule import WatchStatus
from wire.settings import SettingsError
from wire.text import display_path, path_from_wire, path_to_wire
from wire.transport import client_url
from worker.changes import Changes, changed_folder, common_folder, filled_folder
from worker.mount import identity
from worker.network import mounts, network_mounts
from worker.settings import WorkerSettings, read_settings

log = logging.getLogger(__name__)

#: Of so many changes at once some were lost: the kernel keeps 16,384.
CHANGES_MAX = 10_000
BEAT_SECONDS = 5.0
#: Seconds after which a folder that cannot be watched is tried again.
RETRY_SECONDS = 60.0
#: Milliseconds between two looks at what the kernel told, and for which changes are gathered.
STEP_MS, GATHER_MS = 1000, 2000


class Watcher:
    """Watches the roots until `stop` is set."""

    def __init__(self, settings: WorkerSettings, stop: threading.Event) -> None:
        shared = settings.shared
        self._keys, self._stop = Keys(shared.key_prefix), stop
        self._redis = redis.Redis.from_url(
            client_url(shared.redis_url), socket_timeout=5, socket_connect_timeout=3
        )
        self._changes = {root: Changes(settings.watch_seconds) for root in shared.roots}
        self._watched: tuple[Root, ...] = ()
        self._notes: tuple[str, ...] = ()
        self._beat_at = float("-inf")

    def run(self) -> None:
        """Watch; at the end report what has not become quiet yet."""
        while not self._stop.is_set():
            self._watch()
        self._report(float("inf"))

    def _watch(self) -> None:
        """Watch the roots that are there, until one comes, goes or fails."""
        before = self._identities()
        roots = tuple(root for root in self._changes if before[root] and _is_text(root))
        self._watched = ()
        self._note(_notes(self._changes, roots))
        if not roots:
            self._rest()
            return
        paths = [os.fsdecode(root.path) for root in roots]
        try:
            for changes in watch(
                *paths,
                watch_filter=None,
                stop_event=self._stop,
                yield_on_timeout=True,
                ignore_permission_denied=True,
                step=STEP_MS,
                debounce=GATHER_MS,
                rust_timeout=GATHER_MS,
            ):
                if not self._watched:  # from now on nothing is missed
                    self._watched = roots
                    self._beat()
                self._take({os.fsencode(path) for _, path in changes})
                self._tell()
                if self._identities() != before:
                    log.info("a music folder was mounted or unmounted")
                    return
        except (OSError, RuntimeError) as error:
            self._fail(roots, error)

    def _identities(self) -> dict[Root, tuple[int, int] | None]:
        return {root: identity(root.path) for root in self._changes}

    def _take(self, paths: set[bytes]) -> None:
        now = time.monotonic()
        for root in self._watched:
            if len(paths) > CHANGES_MAX:
                self._changes[root].add(b"", now)
                continue
            prefix = root.path.rstrip(b"/") + b"/"
            for path in paths:
                if path == root.path or path.startswith(prefix):
                    folder = changed_folder(root.path, path)
                    if folder is not None:
                        self._changes[root].add(folder, now)

    def _fail(self, roots: Iterable[Root], error: Exception) -> None:
        """What happened since is not known: everything that was watched may have changed."""
        unnamed = "Unable to decode path" in str(error)  # a name that is not UTF-8
        now = time.monotonic()
        for root in roots if unnamed else self._watched:
            self._changes[root].add(b"", now)
        if unnamed:
            log.info("a change is not told by name, the whole folder counts: %s", error)
            return
        log.warning("watching failed: %s", error)
        self._watched = ()
        self._note((*self._notes, _why(error)))
        self._rest()

    def _rest(self) -> None:
        """Go on telling until it is time to try again, or a root came or went."""
        before, until = self._identities(), time.monotonic() + RETRY_SECONDS
        while time.monotonic() < until and self._identities() == before:
            if self._stop.wait(STEP_MS / 1000):
                return
            self._tell()

    def _tell(self) -> None:
        now = time.monotonic()
        self._report(now)
        if now - self._beat_at >= BEAT_SECONDS:
            self._beat()

    def _note(self, notes: Iterable[str]) -> None:
        self._notes = tuple(notes)
        for note in self._notes:
            log.warning("%s", note)
        self._beat()

    def _beat(self) -> None:
        self._beat_at = time.monotonic()
        status = WatchStatus(
            at=time.time(),
            pid=os.getpid(),
            roots=tuple(root.id for root in self._watched),
            changed=sum(map(len, self._changes.values())),
            notes=self._notes,
        )
        with contextlib.suppress(redis.RedisError):  # a missing beat is what says it
            self._redis.set(self._keys.watch, dump(status), ex=WATCH_TTL)

    def _report(self, now: float) -> None:
        """Hand over what has become quiet."""
        for root, changes in self._changes.items():
            folder = changes.take_quiet(now)
            if folder is None:
                continue
            try:
                self._hand_over(root, filled_folder(root.path, folder))
            except redis.RedisError as error:
                log.warning("Redis is away, a change waits: %s", error)
                changes.add(folder, time.monotonic())

    def _hand_over(self, root: Root, folder: bytes) -> None:
        log.info("changed: %s in %s", display_path(folder) or "something", root.display)
        waiting = cast("bytes | None", self._redis.hget(self._keys.changed, root.id))
        if waiting is not None:
            folder = common_folder([path_from_wire(waiting.decode("ascii", "replace")), folder])
        self._redis.hset(self._keys.changed, root.id, path_to_wire(folder))


def _notes(roots: Iterable[Root], watched: Iterable[Root]) -> Iterable[str]:
    """What the watcher will not see, in plain sentences."""
    mounted, seen = mounts(), set(watched)
    for root in roots:
        if root not in seen:
            why = "it is not there" if _is_text(root) else "its name is not UTF-8"
            yield f"{root.display} is not watched: {why}."
        for point, kind in network_mounts(root.path, mounted):
            yield (
                f"{display_path(point)} is a network folder ({kind}): changes made there by other "
                "machines are not seen. Scan it on a schedule as well (NEEDLE_SCHEDULE)."
            )


def _is_text(root: Root) -> bool:
    try:
        root.path.decode()
    except UnicodeDecodeError:
        return False
    return True


def _why(error: Exception) -> str:
    if "watch limit" in str(error):
        return (
            "The music folders are not watched: they hold more folders than this system lets be "
            "watched. Raise fs.inotify.max_user_watches."
        )
    return f"The music folders are not watched: {error}."


def main() -> int:
    """Watch until SIGTERM or SIGINT; the exit code."""
    try:
        settings = read_settings()
        start_logging("watcher", settings.logs)
    except (SettingsError, OSError) as error:
        print(f"needle watcher: {error}", file=sys.stderr)  # noqa: T201 - no log yet
        return 2
    logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it names every single change
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    Watcher(settings, stop).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
