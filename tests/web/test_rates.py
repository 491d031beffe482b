"""Files a second, from absolute counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.records import AT, scan
from web.rates import POINTS, RateMeter
from wire.events import Scan, StageCount
from wire.states import ScanState


def at(done: int, **changes: object) -> Scan:
    return scan(counts={"new": done, "missing": 5}, files_found=1000, **changes)


def steady(meter: RateMeter, seconds: int, rate: int) -> None:
    for second in range(seconds + 1):
        meter.observe(at(second * rate, discovered_at=AT), 100.0 + second)


def test_steady_scan_has_its_rate() -> None:
    meter = RateMeter()
    steady(meter, 20, rate=10)
    view = meter.view(at(200), now=120.0, wall=AT)
    assert view.files_per_second == pytest.approx(10, rel=0.2)
    assert view.points == pytest.approx((10.0,) * 10, rel=0.6)
    assert view.last_progress_at == AT


def test_each_stage_has_its_rate() -> None:
    meter = RateMeter()
    for second in range(21):
        counts = [StageCount("extract", second * 30, 1000)]
        if second >= 19:
            counts.append(StageCount("insert", 500, 1000))
        meter.observe(at(0, stages=tuple(counts)), 100.0 + second)
    assert meter.view(at(0), now=120.0, wall=AT).stages == {"extract": pytest.approx(30, rel=0.1)}
    assert meter.view(at(0), now=140.0, wall=AT).stages == {"extract": 0, "insert": 0}
    ended = at(0, state=ScanState.COMPLETED, started_at=AT, finished_at=AT + 40)
    assert meter.view(ended, now=140.0, wall=AT).stages == {}


def test_peak_of_a_short_scan_is_its_rate_at_least() -> None:
    meter = RateMeter()
    meter.observe(at(0), 100.0)
    ended = at(300, state=ScanState.COMPLETED, started_at=AT, finished_at=AT + 1.5)
    meter.observe(ended, 101.5)
    view = meter.view(ended, now=101.5, wall=AT)
    assert view.files_per_second == view.peak == 200


def test_first_sight_of_a_running_scan_is_no_burst() -> None:
    meter = RateMeter()
    meter.observe(at(50_000), 100.0)
    assert meter.view(at(50_000), now=101.0, wall=AT).files_per_second is None
    assert meter.view(at(50_000), now=105.0, wall=AT).peak == 0


def test_silence_lowers_the_rate_and_ages_the_progress() -> None:
    meter = RateMeter()
    steady(meter, 20, rate=10)
    view = meter.view(at(200), now=140.0, wall=AT)
    assert view.files_per_second == 0
    assert view.peak > 5
    assert view.last_progress_at == AT - 20


def test_estimate_needs_thirty_seconds_after_discovery() -> None:
    meter = RateMeter()
    steady(meter, 28, rate=10)
    assert meter.view(at(280, discovered_at=AT), 128.0, AT).eta_seconds is None
    meter.observe(at(300, discovered_at=AT), 130.0)
    assert meter.view(at(300, discovered_at=AT), 130.0, AT).eta_seconds == pytest.approx(
        70, rel=0.2
    )
    assert meter.view(at(300), 130.0, AT).eta_seconds is None
    paused = at(300, discovered_at=AT, state=ScanState.PAUSED)
    assert meter.view(paused, 130.0, AT).eta_seconds is None


def test_ended_scan_shows_its_mean() -> None:
    meter = RateMeter()
    steady(meter, 20, rate=10)
    ended = at(200, state=ScanState.COMPLETED, started_at=AT, finished_at=AT + 40)
    view = meter.view(ended, now=9_999.0, wall=AT)
    assert view.files_per_second == 5
    assert max(view.points) > 5, "the curve of an ended scan stays"


def test_old_news_is_ignored() -> None:
    meter = RateMeter()
    steady(meter, 20, rate=10)
    meter.observe(at(10), 101.0)
    assert meter.view(at(200), now=121.9, wall=AT).points[-1] == 10


@given(
    st.lists(
        st.tuples(st.integers(0, 2**62), st.floats(0, 1e6)),
        max_size=30,
    )
)
def test_nothing_makes_a_rate_negative_or_long(news: list[tuple[int, float]]) -> None:
    meter = RateMeter()
    now = 0.0
    for done, when in news:
        meter.observe(at(done), when)
        now = max(now, when)
        view = meter.view(at(done), now, AT)
        assert len(view.points) <= POINTS
        assert all(point >= 0 for point in view.points)
        assert view.peak >= 0
        assert view.eta_seconds is None or view.eta_seconds >= 0
