"""The journal: claims, leases, stages, and what the reconciler puts right."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.worker.catalog.scenario import (
    EPOCH,
    ROOT,
    begin,
    discover,
    rows,
    song,
    store,
    take_one,
    work,
)
from worker.catalog import journal, scans
from worker.catalog.journal import Stage
from worker.catalog.owner import Owner
from worker.catalog.store import Catalog
from worker.library.model import FileResult

FILES = [song(f"a/{n}.mp3", n, title=f"Song {n}") for n in range(12)]
ELSEWHERE = Owner("another host", "boot", 1, "1")


def threes(files: list[FileResult]) -> list[list[FileResult]]:
    return [files[i : i + 3] for i in range(0, len(files), 3)]


@pytest.fixture
def found(catalog: Catalog) -> Catalog:
    """A scan with four batches of three files that wait."""
    begin(catalog)
    discover(catalog, FILES, split=threes)
    return catalog


def states(catalog: Catalog) -> list[tuple[str, str]]:
    return [(row["stage"], row["state"]) for row in rows(catalog, "batches")]


def in_another_process(url: str, batch_ids: list[int], answers: Any) -> None:
    catalog = Catalog(url)
    claimed = [
        batch_id
        for batch_id in batch_ids
        if journal.claim(catalog, batch_id, Stage.EXTRACT, ELSEWHERE, 60) is not None
    ]
    answers.put(claimed)
    catalog.dispose()


def test_claims_are_exclusive_among_processes(catalog: Catalog) -> None:
    begin(catalog)
    discover(catalog, FILES, split=lambda files: [[file] for file in files])
    batch_ids = [d.batch_id for d in journal.take_pending(catalog, "scan-1", EPOCH, 100)]
    url = catalog.url.render_as_string(hide_password=False)
    context = multiprocessing.get_context("spawn")
    answers = context.SimpleQueue()
    processes = [
        context.Process(target=in_another_process, args=(url, batch_ids, answers)) for _ in range(8)
    ]
    for process in processes:
        process.start()
    claimed = [batch_id for _ in processes for batch_id in answers.get()]
    for process in processes:
        process.join()

    assert sorted(claimed) == batch_ids
    assert {row["attempts"] for row in rows(catalog, "batches")} == {1}


def test_no_more_is_sent_than_may_be_in_flight(found: Catalog) -> None:
    first = journal.take_pending(found, "scan-1", EPOCH, 2)
    assert [d.stage for d in first] == [Stage.EXTRACT, Stage.EXTRACT]
    assert journal.take_pending(found, "scan-1", EPOCH, 2) == []

    held = journal.claim(found, first[0].batch_id, Stage.EXTRACT, Owner.current(), 60)
    assert journal.take_pending(found, "scan-1", EPOCH, 2) == []
    assert held is not None
    store(found, held, FILES)

    assert len(journal.take_pending(found, "scan-1", EPOCH, 2)) == 1


def test_claim_carries_what_the_stage_needs(found: Catalog) -> None:
    held = take_one(found)
    assert held is not None
    assert held.root == ROOT
    assert [file.path for file in held.files] == [b"a/0.mp3", b"a/1.mp3", b"a/10.mp3"]
    assert held.attempt == 1
    assert held.suspects == {}
    again = journal.claim(found, held.batch_id, Stage.EXTRACT, Owner.current(), 60)
    assert again is None, "a live claim is not given twice, even to its owner"
    assert journal.claim(found, held.batch_id, Stage.INSERT, Owner.current(), 60) is None
    assert journal.claim(found, 999, Stage.EXTRACT, Owner.current(), 60) is None


def test_late_message_of_an_earlier_stage_is_ignored(found: Catalog) -> None:
    held = take_one(found)
    assert held is not None
    assert journal.advance(found, held, Stage.BATCH, EPOCH)

    assert journal.claim(found, held.batch_id, Stage.EXTRACT, Owner.current(), 60) is None
    later = journal.claim(found, held.batch_id, Stage.BATCH, Owner.current(), 60)
    assert later is not None
    assert later.attempt == 1, "only extracting counts as an attempt"


def test_expired_lease_is_taken_over_and_the_first_holder_fenced(found: Catalog) -> None:
    [dispatch] = journal.take_pending(found, "scan-1", EPOCH, 1)
    slow = journal.claim(found, dispatch.batch_id, Stage.EXTRACT, ELSEWHERE, lease_seconds=-1)
    assert slow is not None

    fast = journal.claim(found, dispatch.batch_id, Stage.EXTRACT, Owner.current(), 60)

    assert fast is not None
    assert fast.attempt == 2
    assert not journal.renew(found, slow, 60)
    assert not journal.advance(found, slow, Stage.BATCH, EPOCH)
    assert not journal.send_back(found, slow)
    assert not journal.note_current(found, slow, b"x")
    assert journal.renew(found, fast, 60)
    assert store(found, fast, FILES) is not None


def test_claim_whose_answer_was_lost_is_disowned(found: Catalog) -> None:
    [dispatch] = journal.take_pending(found, "scan-1", EPOCH, 1)
    held = journal.claim(found, dispatch.batch_id, Stage.EXTRACT, Owner.current(), 60)
    assert held is not None

    journal.disown(found, held.batch_id, ELSEWHERE)
    assert journal.renew(found, held, 60), "it is another's"
    journal.disown(found, held.batch_id, Owner.current())
    assert not journal.renew(found, held, 60)
    assert journal.take_pending(found, "scan-1", EPOCH, 1) == [dispatch]
    journal.disown(found, held.batch_id, Owner.current())
    assert journal.claim(found, held.batch_id, Stage.EXTRACT, ELSEWHERE, 60) is not None


def claim_in_dead_process(catalog: Catalog, batch_id: int, current: bytes | None = None) -> None:
    """What kill -9 leaves: a claim with a long lease whose process is gone."""
    pid = os.fork()
    if pid == 0:
        held = journal.claim(catalog, batch_id, Stage.EXTRACT, Owner.current(), 3600)
        if held is not None and current is not None:
            journal.note_current(catalog, held, current)
        os.kill(os.getpid(), 9)
    os.waitpid(pid, 0)


def test_batch_of_a_dead_process_needs_no_lease_to_run_out(found: Catalog) -> None:
    [dispatch] = journal.take_pending(found, "scan-1", EPOCH, 1)
    claim_in_dead_process(found, dispatch.batch_id)

    assert [d.batch_id for d in journal.reconcile(found, EPOCH, 1).dispatches] == [1]
    held = journal.claim(found, dispatch.batch_id, Stage.EXTRACT, Owner.current(), 60)
    assert held is not None
    assert held.attempt == 2


def test_file_that_was_read_at_a_death_becomes_a_suspect(found: Catalog) -> None:
    [dispatch] = journal.take_pending(found, "scan-1", EPOCH, 1)
    claim_in_dead_process(found, dispatch.batch_id, b"a/1.mp3")
    claim_in_dead_process(found, dispatch.batch_id, b"a/1.mp3")
    claim_in_dead_process(found, dispatch.batch_id, None)

    held = journal.claim(found, dispatch.batch_id, Stage.EXTRACT, Owner.current(), 60)

    assert held is not None
    assert held.suspects == {b"a/1.mp3": 2}
    assert held.attempt == 4


def test_rest_of_a_batch_stays_as_careful_as_it_was(found: Catalog) -> None:
    [dispatch] = journal.take_pending(found, "scan-1", EPOCH, 1)
    claim_in_dead_process(found, dispatch.batch_id, b"a/10.mp3")
    held = journal.claim(found, dispatch.batch_id, Stage.EXTRACT, Owner.current(), 60)
    assert held is not None
    journal.advance(found, held, Stage.BATCH, EPOCH, held.files[1:])

    batches = rows(found, "batches")
    assert [row["n_files"] for row in batches] == [1, 3, 3, 3, 2]
    rest = journal.claim(found, batches[-1]["id"], Stage.EXTRACT, Owner.current(), 60)
    assert rest is not None
    assert rest.files == held.files[1:]
    assert rest.attempt == held.attempt
    assert rest.suspects == {b"a/10.mp3": 1}


def test_batch_of_which_nothing_was_read_waits_again(found: Catalog) -> None:
    held = take_one(found)
    assert held is not None
    assert journal.advance(found, held, Stage.BATCH, EPOCH, held.files)
    assert states(found) == [("extract", "pending")] * 4


def test_lost_record_leads_back_to_extracting(found: Catalog) -> None:
    held = take_one(found)
    assert held is not None
    journal.advance(found, held, Stage.BATCH, EPOCH)
    grouping = journal.claim(found, held.batch_id, Stage.BATCH, Owner.current(), 60)
    assert grouping is not None
    assert journal.send_back(found, grouping)

    assert states(found)[0] == ("extract", "pending")
    work(found, FILES)
    assert len(rows(found, "tracks")) == 12


def test_emptied_redis_sends_everything_again(found: Catalog) -> None:
    one, two, three = journal.take_pending(found, "scan-1", EPOCH, 3)
    held = journal.claim(found, one.batch_id, Stage.EXTRACT, Owner.current(), 60)
    running = journal.claim(found, two.batch_id, Stage.EXTRACT, Owner.current(), 60)
    assert held is not None
    assert running is not None
    journal.advance(found, held, Stage.INSERT, EPOCH)
    assert journal.reconcile(found, EPOCH, 3).dispatches == (), "all is under way"

    after = journal.reconcile(found, "second", 3)

    assert [(d.batch_id, d.stage) for d in after.dispatches] == [
        (one.batch_id, Stage.EXTRACT),
        (three.batch_id, Stage.EXTRACT),
    ]
    assert journal.reconcile(found, "second", 3).dispatches == ()
    assert journal.advance(found, running, Stage.BATCH, "second")


def test_message_that_got_lost_is_sent_again_ever_more_rarely(found: Catalog) -> None:
    journal.take_pending(found, "scan-1", EPOCH, 1)
    pauses = []
    for _ in range(3):
        before = rows(found, "batches")[0]
        with found.write() as connection:
            connection.exec_driver_sql("update batches set lease_until = 0 where id = 1")
        assert len(journal.reconcile(found, EPOCH, 1).dispatches) == 1
        after = rows(found, "batches")[0]
        pauses.append(round(after["lease_until"] - before["lease_until"]))
    assert pauses[1] > pauses[0] + 20
    assert pauses[2] > pauses[1] + 50


@pytest.mark.parametrize("hours", [-2, 2])
def test_step_of_the_wall_clock_frees_and_freezes_nothing(
    found: Catalog, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    held = take_one(found)
    assert held is not None
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + hours * 3600)

    assert journal.reconcile(found, EPOCH, 1).dispatches == ()
    assert journal.claim(found, held.batch_id, Stage.EXTRACT, ELSEWHERE, 60) is None
    assert store(found, held, FILES) is not None


def test_lease_of_an_earlier_boot_is_over(tmp_path: Path) -> None:
    catalog = Catalog(f"sqlite:///{tmp_path}/library.db")
    catalog.migrate()
    begin(catalog)
    discover(catalog, FILES, split=threes)
    [dispatch] = journal.take_pending(catalog, "scan-1", EPOCH, 1)
    assert journal.claim(catalog, dispatch.batch_id, Stage.EXTRACT, ELSEWHERE, 10**9) is not None
    with catalog.write() as connection:
        connection.exec_driver_sql("update batches set lease_boot = 'before the power cut'")

    assert journal.claim(catalog, dispatch.batch_id, Stage.EXTRACT, Owner.current(), 60)
    catalog.dispose()


def test_walk_and_finish_are_asked_for_when_nobody_does_them(catalog: Catalog) -> None:
    begin(catalog)
    assert journal.reconcile(catalog, EPOCH, 1).discover == ("scan-1",)
    assert journal.reconcile(catalog, EPOCH, 1).discover == (), "the message is under way"
    assert journal.reconcile(catalog, "second", 1).discover == ("scan-1",)
    discover(catalog, FILES[:1])
    held = take_one(catalog)
    assert held is not None
    stored = store(catalog, held, FILES)
    assert stored is not None
    assert stored.finish, "who stored the last batch sends the message"
    assert journal.reconcile(catalog, "second", 1).finish == ()
    assert journal.reconcile(catalog, "third", 1).finish == ("scan-1",)


def test_paused_scan_hands_nothing_out(found: Catalog) -> None:
    [dispatch] = journal.take_pending(found, "scan-1", EPOCH, 1)
    scans.request_pause(found, "scan-1", "me")

    assert journal.claim(found, dispatch.batch_id, Stage.EXTRACT, Owner.current(), 60) is None
    assert journal.reconcile(found, EPOCH, 4) == journal.Reconciled((), (), ())

    assert scans.request_resume(found, "scan-1").changed
    assert len(journal.reconcile(found, EPOCH, 4).dispatches) == 4
    assert journal.claim(found, dispatch.batch_id, Stage.EXTRACT, Owner.current(), 60)
