"""Calls every task with forged arguments and tells what was opened: a process for a test.

`python -m tests.worker.forged_tasks OUTSIDE` prints, as JSON, what was opened of the folder
OUTSIDE, and the tasks that were not called.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from itertools import product
from typing import Any

from sqlalchemy import select

from wire import names
from wire.names import new_answer_id, new_scan_id
from wire.roots import make_root
from worker.app import app
from worker.catalog.schema import batches
from worker.gate import signatures

#: Of the files outside; nothing inside is called so.
SECRET = b"secret"
FOREIGN: tuple[Any, ...] = (
    "", "x", "../..", "\0", "\ud800", "x" * 100_000, "'; DROP TABLE files; --", -1, 0, 2**63, 1e308,
    float("nan"), float("inf"), None, True, [], {}, ["x"], {"a": 1},
)  # fmt: skip


def folders(outside: str) -> tuple[str, ...]:
    """Ways out of a music folder that holds links (`link`, `file.mp3`), as messages have them."""
    return (
        "", "..", "../outside", "%2e%2e/outside", "inner/../../outside", "inner/..", ".", "inner//",
        "/", outside, outside.strip("/"), f"{outside}/secret.mp3", "link", "link/secret.mp3",
        "file.mp3", "%00", "inner%00/../..", "\ud800", "inner/" * 5_000, "x" * 100_000, "inner",
    )  # fmt: skip


def calls(outside: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every task with good arguments, of which one after the other is replaced; then ways out."""
    root = app.services.settings.shared.roots[0]
    scan = {"scan_id": new_scan_id()}
    answer = {"answer_id": new_answer_id(), "question": '{"id": 1}'}
    good: dict[str, dict[str, Any]] = {
        names.SCAN_CONTROL: scan | {"action": "stop", "actor": "x"},
        names.SCAN_FINISH: scan,
        names.SCAN_RECONCILE: {"starting": True},
        names.EXTRACT_BATCH: {"batch_id": 1},
        names.PROCESS_ENTITIES: {"batch_id": 1},
        names.INSERT_BATCH: {"batch_id": 1},
        names.PURGE_MISSING: {"root_id": root.id, "before": 0.0, "actor": "x"},
        names.PRUNE_HISTORY: {},
        names.KEEP_SIZES: {},
    }
    good |= {name: answer for name in signatures(app) if name.startswith("library.")}
    good[names.SCAN_DISCOVERY] = scan | {
        "root_id": root.id, "folder": "", "mode": "full", "requested_by": "x", "requested_at": 1.0,
    }  # fmt: skip
    for name, arguments in good.items():
        yield name, arguments
        for key, value in product(arguments, FOREIGN):
            yield name, arguments | {key: value}
    roots = (root.id, make_root(outside).id, "", outside)
    for folder, root_id, mode in product(folders(outside), roots, ("full", "retry")):
        request = {"scan_id": new_scan_id(), "folder": folder, "root_id": root_id, "mode": mode}
        yield names.SCAN_DISCOVERY, good[names.SCAN_DISCOVERY] | request


def call(name: str, arguments: dict[str, Any]) -> None:
    """Do it here and now; what is to follow a discovery as well."""
    app.tasks[name].apply(kwargs=arguments)
    if name != names.SCAN_DISCOVERY:
        return
    with app.services.catalog.read() as connection:
        open_batches = select(batches.c.id).where(batches.c.state.in_(("pending", "sent")))
        found = connection.execute(open_batches).scalars().all()
    for batch_id in found:
        for stage in (names.EXTRACT_BATCH, names.PROCESS_ENTITIES, names.INSERT_BATCH):
            app.tasks[stage].apply(kwargs={"batch_id": batch_id})
    for after in (names.SCAN_FINISH, names.SCAN_CONTROL):
        more = {"action": "stop", "actor": "x"} if after == names.SCAN_CONTROL else {}
        app.tasks[after].apply(kwargs={"scan_id": arguments["scan_id"], **more})


def main() -> None:
    outside = sys.argv[1]
    app.loader.import_default_modules()
    app.services.catalog.migrate()
    touched: set[str] = set()

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("open", "os.scandir", "os.listdir") and arguments:
            path = arguments[0]
            if isinstance(path, (str, bytes)) and SECRET in os.fsencode(path):
                touched.add(f"{event} {os.fsencode(path)!r}")

    sys.addaudithook(note)
    called = set()
    for name, arguments in calls(outside):
        call(name, arguments)
        called.add(name)
    sys.stdout.write(
        json.dumps({"touched": sorted(touched), "spared": sorted(set(signatures(app)) - called)})
    )


if __name__ == "__main__":
    main()
