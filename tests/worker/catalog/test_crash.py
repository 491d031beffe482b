"""kill -9 before every statement of the delicate transactions: nothing lost, nothing doubled."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from tests.worker.catalog.scenario import (
    EPOCH,
    ROOT,
    begin,
    broken,
    canonical_dump,
    discover,
    found_file,
    rows,
    scan,
    song,
    work,
)
from worker.catalog import discovery, entities, journal, queries, writer
from worker.catalog.discovery import FoundChunk, FoundFolder
from worker.catalog.finish import finish_scan
from worker.catalog.journal import Stage
from worker.catalog.owner import Owner
from worker.catalog.store import Catalog

FILES = [
    *(song(f"a/{n}.mp3", n, title=f"S{n}", artists=("A", "B"), album="X") for n in range(5)),
    song("b/1.mp3", 8, title="T", artists=("a",), album="Y", genres=("Rock",)),
    broken("b/2.mp3", 9),
]


def dies_before_statement(number: int, action: Callable[[], object]) -> bool:
    """Run `action` in a child that is killed before its n-th statement; whether it was."""
    pid = os.fork()
    if pid == 0:
        left = number

        def count(*_: object) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        code = 1
        try:
            event.listen(Engine, "before_cursor_execute", count)
            action()
            code = 0
        finally:
            os._exit(code)
    status = os.waitpid(pid, 0)[1]
    assert status in (0, signal.SIGKILL)
    return status == signal.SIGKILL


def complete_again(catalog: Catalog) -> None:
    """One more try of the whole batch, by a process that may die."""
    [dispatch] = journal.reconcile(catalog, EPOCH, 1).dispatches
    held = journal.claim(catalog, dispatch.batch_id, dispatch.stage, Owner.current(), 60)
    assert held is not None
    if held.stage is Stage.EXTRACT:
        journal.advance(catalog, held, Stage.INSERT, EPOCH)
        held = journal.claim(catalog, held.batch_id, Stage.INSERT, Owner.current(), 60)
        assert held is not None
    writer.complete(catalog, held, entities.group(FILES), now=time.time())


def expected_dump() -> dict[str, list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        plain = Catalog(f"sqlite:///{Path(folder)}/plain.db")
        plain.migrate()
        scan(plain, FILES)
        dump = canonical_dump(plain)
        plain.dispose()
        return dump


def test_batch_is_stored_once_whenever_its_process_dies(catalog: Catalog) -> None:
    begin(catalog)
    discover(catalog, FILES)
    number = 1
    while dies_before_statement(number, lambda: complete_again(catalog)):
        assert rows(catalog, "tracks") == []
        assert rows(catalog, "tallies") == []
        number += 2
        with catalog.write() as connection:  # the message was lost with its reader
            connection.exec_driver_sql("update batches set lease_until = 0 where state = 'sent'")

    assert number > 20, "the transaction was interrupted at many places"
    assert finish_scan(catalog, "scan-1", now=time.time())
    assert canonical_dump(catalog) == expected_dump()


def test_finish_goes_on_whenever_its_process_dies(catalog: Catalog) -> None:
    before = [song(f"old/{n}.mp3", n, title=f"O{n}", artists=("O",), album="O") for n in range(4)]
    after = [*FILES, song("new/0.mp3", 0, title="O0", artists=("O",), album="O"), before[3]]
    with tempfile.TemporaryDirectory() as folder:
        plain = Catalog(f"sqlite:///{Path(folder)}/plain.db")
        plain.migrate()
        scan(plain, before)
        scan(plain, after, "scan-2")
        expected = queries.read_scan(plain, "scan-2")
        content = canonical_dump(plain)
        plain.dispose()
    scan(catalog, before)
    begin(catalog, "scan-2")
    discover(catalog, after, "scan-2")
    work(catalog, after, "scan-2")

    number, deaths = 1, 0
    while dies_before_statement(number, lambda: finish_scan(catalog, "scan-2", now=1.0)):
        number += 3
        deaths += 1

    assert deaths > 8
    shown = queries.read_scan(catalog, "scan-2")
    assert shown is not None
    assert expected is not None
    assert shown.counts == expected.counts
    assert shown.state == expected.state
    found = canonical_dump(catalog)
    for table in content.keys() - {"files"}:  # when a file went missing differs
        assert found[table] == content[table], table


@pytest.mark.parametrize("statement", [4, 8, 12])
def test_discovery_that_died_writes_no_folder_twice(catalog: Catalog, statement: int) -> None:
    begin(catalog)

    def walk(upto: int) -> None:
        owner = Owner.current()
        claim = discovery.claim_discovery(catalog, "scan-1", owner, 60)
        assert claim is not None
        for name in ("a", "b")[:upto]:
            if name.encode() not in claim.journaled:
                files = [found_file(f) for f in FILES if f.path.startswith(name.encode())]
                folder = FoundFolder(name.encode(), b"digest", files_found=len(files))
                assert discovery.add_found(catalog, "scan-1", owner, FoundChunk([folder], [files]))
        if upto == 2:
            assert discovery.finish_discovery(catalog, "scan-1", owner)

    dies_before_statement(10**6, lambda: walk(1))
    assert dies_before_statement(statement, lambda: walk(2))
    assert journal.reconcile(catalog, EPOCH, 0).discover == ("scan-1",)
    walk(2)
    work(catalog, FILES)
    assert finish_scan(catalog, "scan-1", now=time.time())

    shown = queries.read_scan(catalog, "scan-1")
    assert shown is not None
    assert (shown.files_found, shown.folders_found) == (7, 2)
    assert shown.counts == {"new": 6, "unreadable": 1}
    assert len(rows(catalog, "tracks")) == 6
    assert discovery.load_folder_digests(catalog, ROOT.id).keys() == {b"a", b"b"}
