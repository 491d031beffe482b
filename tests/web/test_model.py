"""The picture of what is known: order, bounds, and entries that are not ours."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.records import AT, beat, scan
from web.model import Model
from web.snapshot import Pulse, Snapshot, shown_scan
from web.state import Phase, State
from wire.events import Activity, Event, RootStatus, Scan, ScanAt, ScanChanged, WorkerGone, encode
from wire.states import FINAL, ScanState


def fields(event: Event) -> dict[bytes, bytes]:
    return {key.encode(): value.encode() for key, value in encode(event).items()}


def state(model: Model, error: str = "") -> State:
    return model.state(version=1, redis_error=error, fresh_at=AT)


def model_with(*events: Event) -> Model:
    model = Model()
    for event in events:
        model.apply(fields(event))
    return model


def test_newest_revision_wins_in_any_order() -> None:
    revisions = [scan(revision=n, files_found=n) for n in range(20)]
    random.Random(7).shuffle(revisions)
    model = model_with(*map(ScanChanged, revisions))
    shown = state(model).scan
    assert shown is not None
    assert shown.files_found == 19


@given(st.dictionaries(st.binary(max_size=20), st.binary(max_size=200), max_size=5))
def test_garbage_is_counted_and_skipped(entry: dict[bytes, bytes]) -> None:
    model = model_with(ScanChanged(scan()))
    before = state(model)
    model.apply(entry)
    after = state(model)
    assert after.skipped_entries == 1
    assert after.scan == before.scan


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(st.sampled_from(sorted(Scan.__annotations__)), _JSON)
def test_forged_field_never_breaks_the_page(name: str, value: Any) -> None:
    import json

    forged = json.loads(fields(ScanChanged(scan(revision=2)))[b"data"])
    forged["scan"][name] = value
    entry = {b"type": b"ScanChanged", b"v": b"1", b"data": json.dumps(forged).encode()}
    model = model_with(ScanChanged(scan()))
    model.apply(entry)
    state(model)


@pytest.mark.parametrize(
    "entry",
    [
        {b"type": b"ScanChanged", b"v": b"1", b"data": b"{}"},
        {b"type": b"ScanChanged", b"v": b"2", b"data": b"{}"},
        {b"type": b"WorkerBeat", b"v": b"1", b"data": b'{"at":1e999}'},
        {b"type": b"Scan", b"v": b"1", b"data": b"{}"},
        fields(ScanChanged(scan(id="../../etc/passwd"))),
        fields(ScanChanged(scan(reason="x" * 70_000))),
        fields(ScanChanged(scan(counts={"new": 2**80}))),
        fields(ScanAt("<script>", "extract", "x", AT)),
    ],
)
def test_entry_that_is_not_ours_is_skipped(entry: dict[bytes, bytes]) -> None:
    model = Model()
    model.apply(entry)
    assert state(model).skipped_entries == 1


def test_floods_stay_bounded() -> None:
    model = model_with(
        *(ScanChanged(scan(n)) for n in range(200)),
        *(ScanAt(scan(n).id, "extract", "x", AT) for n in range(200)),
        *(beat(f"needle@{n}") for n in range(200)),
        *(Activity(at=AT, actor="page", action=str(n)) for n in range(200)),
    )
    shown = state(model)
    assert len(shown.last_scans) == 20
    assert len(shown.active) <= 40
    assert len(shown.workers) == 64
    assert [entry.action for entry in shown.activity[:2]] == ["199", "198"]
    assert len(shown.activity) == 20


def test_shown_scan_is_the_one_at_work() -> None:
    done = scan(5, state=ScanState.COMPLETED)
    waiting, working = scan(2, state=ScanState.QUEUED), scan(3)
    assert shown_scan([]) is None
    assert shown_scan([done, scan(1, state=ScanState.FAILED)]) == done
    assert shown_scan([done, waiting]) == waiting
    assert shown_scan([done, waiting, working]) == working


def test_worker_is_silent_after_three_missed_beats() -> None:
    model = Model()
    heard = [(beat("needle@a"), 14.0), (beat("needle@b"), 16.0)]
    model.replace(snapshot(beats=tuple(heard)))
    assert [worker.silent for worker in state(model).workers] == [False, True]
    model.apply(fields(beat("needle@b", at=AT - 7200)))
    assert [worker.silent for worker in state(model).workers] == [False, False]
    model.apply(fields(WorkerGone("needle@b", AT)))
    assert [worker.beat.worker for worker in state(model).workers] == ["needle@a"]


def test_silent_worker_consumes_nothing() -> None:
    model = Model()
    model.replace(snapshot(beats=((beat("needle@a"), 0.0), (beat("needle@b"), 16.0))))
    assert {queue.consumers for queue in state(model).queues} == {1}


def snapshot(**parts: Any) -> Snapshot:
    values: dict[str, Any] = {
        "events_id": "0-0",
        "activity_id": "0-0",
        "redis_at": time.time(),
        "scans": (),
        "beats": (),
        "activity": (),
        "pulse": Pulse(),
    }
    return Snapshot(**values | parts)


def test_snapshot_replaces_what_was_forged() -> None:
    model = model_with(ScanChanged(scan(revision=99)), beat())
    model.replace(snapshot(scans=(scan(revision=3),)))
    shown = state(model)
    assert shown.scan is not None
    assert (shown.scan.revision, shown.workers) == (3, ())


@pytest.mark.parametrize(
    ("pulse", "emptied"),
    [
        (Pulse(epoch=b"a", newest=scan().id), False),
        (Pulse(epoch=b"b", newest=scan().id), True),
        (Pulse(epoch=None, newest=scan().id), True),
        (Pulse(epoch=b"a", newest=None), True),
        (Pulse(epoch=b"a", newest=scan(2).id), True),
    ],
)
def test_another_redis_is_noticed(pulse: Pulse, emptied: bool) -> None:
    model = Model()
    model.replace(snapshot(scans=(scan(),), pulse=Pulse(epoch=b"a", newest=scan().id)))
    assert model.emptied(pulse) is emptied


@pytest.mark.parametrize("scan_state", list(ScanState))
def test_phase_is_that_of_the_scan(scan_state: ScanState) -> None:
    model = model_with(beat(), ScanChanged(scan(state=scan_state)))
    assert state(model).phase.value == scan_state.value
    assert bool(state(model).active) is (scan_state not in FINAL)


def test_phases_without_a_scan() -> None:
    model = Model()
    assert state(model, error="away").phase is Phase.REDIS_DOWN
    assert state(model).phase is Phase.NO_WORKER
    model.apply(fields(beat()))
    assert state(model).phase is Phase.FIRST_RUN
    known = RootStatus("0123456789ab", "/music", True, known_files=3)
    model.pulse = Pulse(roots=(known,))
    assert state(model).phase is Phase.IDLE


def test_standstill_is_told() -> None:
    model = Model()
    model.replay(fields(ScanChanged(scan())), age_seconds=50.0)
    model.replace(snapshot(scans=(scan(),), beats=((beat(), 0.0),)))
    assert state(model).phase is Phase.STALLED
    assert 50 <= state(model).stalled_seconds < 55
    model.apply(fields(ScanChanged(scan(revision=2, counts={"new": 1}))))
    assert state(model).phase is Phase.SCANNING
    assert state(model).stalled_seconds == 0
