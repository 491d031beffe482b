"""A scan as a whole: begun once, stopped and paused at any moment, given up with a reason."""

from __future__ import annotations

import time

import pytest

from tests.worker.catalog.scenario import (
    EPOCH,
    begin,
    discover,
    rows,
    scan,
    song,
    store,
    take_one,
)
from wire.roots import make_root
from wire.states import ScanState
from worker.catalog import discovery, journal, queries, scans
from worker.catalog.finish import finish_scan
from worker.catalog.journal import Stage
from worker.catalog.owner import Owner
from worker.catalog.scans import Begin, BeginResult
from worker.catalog.store import Catalog

FILES = [song(f"a/{n}.mp3", n, title=f"Song {n}") for n in range(6)]


def state(catalog: Catalog, scan_id: str = "scan-1") -> ScanState:
    shown = queries.read_scan(catalog, scan_id)
    assert shown is not None
    return shown.state


def test_root_has_one_scan_at_a_time(catalog: Catalog) -> None:
    assert begin(catalog, "one") == BeginResult(Begin.STARTED, "one")
    assert begin(catalog, "one") == BeginResult(Begin.RESUMED, "one")
    assert begin(catalog, "two") == BeginResult(Begin.BUSY, "one")
    assert begin(catalog, "three", root=make_root("/other")).status is Begin.STARTED

    scans.fail_scan(catalog, "one", ScanState.FAILED, "No reason.")

    assert begin(catalog, "one") == BeginResult(Begin.ENDED, "one")
    assert begin(catalog, "two") == BeginResult(Begin.STARTED, "two")


def test_failed_scan_says_why_and_keeps_what_is_stored(catalog: Catalog) -> None:
    begin(catalog)
    discover(catalog, FILES, split=lambda files: [files[:3], files[3:]])
    held = take_one(catalog)
    assert held is not None
    store(catalog, held, FILES)

    assert scans.fail_scan(catalog, "scan-1", ScanState.FAILED, "The disk is gone.")

    shown = queries.read_scan(catalog, "scan-1")
    assert shown is not None
    assert (shown.state, shown.reason) == (ScanState.FAILED, "The disk is gone.")
    assert len(rows(catalog, "tracks")) == 3
    assert not scans.fail_scan(catalog, "scan-1", ScanState.SKIPPED, "Again.")
    assert take_one(catalog) is None


def test_stop_before_discovery_ends_at_once(catalog: Catalog) -> None:
    begin(catalog)
    assert scans.request_stop(catalog, "scan-1", "me") == scans.Change(True, finish=True)
    assert state(catalog) is ScanState.STOPPING
    assert discovery.claim_discovery(catalog, "scan-1", Owner.current(), 60) is None
    assert finish_scan(catalog, "scan-1", now=time.time())
    assert state(catalog) is ScanState.CANCELLED


def test_stop_during_discovery_refuses_what_is_found(catalog: Catalog) -> None:
    begin(catalog)
    owner = Owner.current()
    assert discovery.claim_discovery(catalog, "scan-1", owner, 60)
    assert scans.request_stop(catalog, "scan-1", "me").finish

    chunk = discovery.FoundChunk([discovery.FoundFolder(b"a", b"digest")])
    assert not discovery.add_found(catalog, "scan-1", owner, chunk)
    assert not discovery.renew_discovery(catalog, "scan-1", owner, 60)
    assert not discovery.finish_discovery(catalog, "scan-1", owner)


def test_stop_stores_what_was_read_and_cancels_the_rest(catalog: Catalog) -> None:
    begin(catalog)
    discover(catalog, FILES, split=lambda files: [files[i : i + 2] for i in (0, 2, 4)])
    reading, read = take_one(catalog, limit=1), take_one(catalog, limit=2)
    assert reading is not None
    assert read is not None
    assert journal.advance(catalog, read, Stage.BATCH, EPOCH)

    assert scans.request_stop(catalog, "scan-1", "me") == scans.Change(True, finish=False)
    assert not scans.request_stop(catalog, "scan-1", "me").changed
    assert not finish_scan(catalog, "scan-1", now=time.time()), "two batches are under way"
    assert journal.advance(catalog, reading, Stage.INSERT, EPOCH, reading.files[1:])
    for batch_id, stage in ((read.batch_id, Stage.BATCH), (reading.batch_id, Stage.INSERT)):
        held = journal.claim(catalog, batch_id, stage, Owner.current(), 60)
        assert held is not None
        if stage is Stage.BATCH:
            assert journal.send_back(catalog, held), (
                "its record was lost: cancelled, not read again"
            )
        else:
            finish_with(catalog, held)

    assert finish_scan(catalog, "scan-1", now=time.time())
    shown = queries.read_scan(catalog, "scan-1")
    assert shown is not None
    assert (shown.state, shown.reason) == (ScanState.CANCELLED, "Stopped by me.")
    assert shown.counts == {"new": 1}
    assert [stage.waiting for stage in shown.stages] == [0, 0, 0, 0]
    assert {row["digest"] for row in rows(catalog, "folders")} == {None}, "all is looked at again"


def finish_with(catalog: Catalog, held: journal.Claim) -> None:
    from worker.catalog import entities, writer

    done = writer.complete(catalog, held, entities.group(FILES[:1]), now=time.time())
    assert done is not None
    assert done.finish


def test_stop_while_finishing_has_no_effect(catalog: Catalog) -> None:
    begin(catalog)
    discover(catalog, [])
    assert state(catalog) is ScanState.FINISHING
    assert not scans.request_stop(catalog, "scan-1", "me").changed
    assert finish_scan(catalog, "scan-1", now=time.time())
    assert state(catalog) is ScanState.COMPLETED


def test_stop_of_a_paused_scan_ends_it(catalog: Catalog) -> None:
    begin(catalog)
    discover(catalog, FILES)
    assert scans.request_pause(catalog, "scan-1", "me").changed
    assert state(catalog) is ScanState.PAUSED
    assert scans.request_stop(catalog, "scan-1", "me").finish
    assert finish_scan(catalog, "scan-1", now=time.time())
    assert state(catalog) is ScanState.CANCELLED


def test_paused_scan_does_not_finish_before_it_is_resumed(catalog: Catalog) -> None:
    begin(catalog)
    discover(catalog, FILES)
    held = take_one(catalog)
    assert held is not None
    scans.request_pause(catalog, "scan-1", "me")
    assert not scans.request_pause(catalog, "scan-1", "me").changed
    done = store(catalog, held, FILES)
    assert done is not None
    assert not done.finish
    assert not finish_scan(catalog, "scan-1", now=time.time())

    assert scans.request_resume(catalog, "scan-1") == scans.Change(True, finish=True)
    assert finish_scan(catalog, "scan-1", now=time.time())
    assert state(catalog) is ScanState.COMPLETED


@pytest.mark.parametrize("scan_id", ["unknown", "scan-1"])
def test_requests_to_a_scan_that_is_over_change_nothing(catalog: Catalog, scan_id: str) -> None:
    scan(catalog, FILES)
    assert not scans.request_stop(catalog, scan_id, "me").changed
    assert not scans.request_pause(catalog, scan_id, "me").changed
    assert not scans.request_resume(catalog, scan_id).changed
    assert not finish_scan(catalog, scan_id, now=time.time())
    assert state(catalog) is ScanState.COMPLETED


def test_every_change_grows_the_revision(catalog: Catalog) -> None:
    seen = []

    def note() -> None:
        shown = queries.read_scan(catalog, "scan-1")
        assert shown is not None
        seen.append(shown.revision)

    begin(catalog)
    note()
    discover(catalog, FILES)
    note()
    held = take_one(catalog)
    note()
    scans.request_pause(catalog, "scan-1", "me")
    note()
    scans.request_resume(catalog, "scan-1")
    note()
    assert held is not None
    store(catalog, held, FILES)
    note()
    finish_scan(catalog, "scan-1", now=time.time())
    note()
    assert seen == sorted(set(seen))
