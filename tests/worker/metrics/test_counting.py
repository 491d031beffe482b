"""Starts and ends are counted once, whenever a flush comes between them."""

from __future__ import annotations

from celery import Celery

from wire.keys import Keys
from worker.metrics.counting import Counting
from worker.metrics.labels import TaskLabels
from worker.metrics.measure import measure
from worker.metrics.recorder import Recorder
from worker.metrics.reporting import TaskReports
from worker.metrics.running import NO_NOTES, Ended, Start
from worker.metrics.tally import Tally

TASK, QUEUE = "shop.pay", "shop"


def counting() -> Counting:
    app = Celery("counted", set_as_current=False)
    recorder = Recorder(lambda: ("", Keys()), "here", 5)
    return Counting(TaskLabels(app), TaskReports(app, recorder, 1024), recorder)


def start(at: float, task_id: str = "id") -> Start:
    args, kwargs = measure(["é", at], "args"), measure({}, "kwargs")
    return Start(task_id, TASK, QUEUE, [at - 0.5, 1024, 1024], None, args, kwargs, NO_NOTES, at)


def end(of: Start, status: str = "success") -> Ended:
    return Ended(of, status, 0.25, measure(None) if status == "success" else None, is_told=True)


def test_a_start_that_was_counted_while_it_ran_is_not_counted_at_its_end() -> None:
    found, tally, first = counting(), Tally(), start(10.0)
    found.starts_of_running(tally, [first])
    found.starts_of_running(tally, [first])
    found.ends(tally, [end(first), end(start(11.0, "other"))])
    assert tally.tasks[TASK, QUEUE, "started"] == 2
    assert tally.tasks[TASK, QUEUE, "success"] == 2
    assert tally.sizes[TASK, "args"].n == 2


def test_a_task_that_is_tried_again_within_a_second_starts_twice() -> None:
    found, tally, first, second = counting(), Tally(), start(10.0), start(10.2)
    found.starts_of_running(tally, [first])
    found.ends(tally, [end(first, "retry"), end(second)])
    assert tally.tasks[TASK, QUEUE, "started"] == 2

    found, tally = counting(), Tally()
    found.starts_of_running(tally, [first])
    found.starts_of_running(tally, [second])
    found.ends(tally, [end(first, "retry"), end(second)])
    assert tally.tasks[TASK, QUEUE, "started"] == 2
    assert sum(tally.waits[TASK, QUEUE].counts) == 2


def test_many_at_once_are_what_each_alone_would_be() -> None:
    starts = [start(float(number), str(number)) for number in range(1, 200)]
    together, apart = Tally(), Tally()
    counting().ends(together, [end(one) for one in starts])
    one_by_one = counting()
    for one in starts:
        one_by_one.ends(apart, [end(one)])
    assert together == apart
    assert together.sizes[TASK, "args"].largest[0] == "100", "the first of the longest"
