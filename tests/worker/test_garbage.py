"""A pool process looks for garbage rarely, and not at what its parent loaded."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from celery.signals import worker_process_init

from worker import garbage


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    before, receivers = gc.get_threshold(), list(worker_process_init.receivers)
    yield
    worker_process_init.receivers = receivers
    gc.set_threshold(*before)
    gc.unfreeze()


def test_only_what_a_pool_process_makes_is_looked_at() -> None:
    garbage.look_less_often()
    frozen = gc.get_freeze_count()
    worker_process_init.send(sender=None)
    assert gc.get_threshold()[0] == garbage.YOUNG_OBJECTS
    assert gc.get_freeze_count() > frozen


def test_nothing_changes_in_other_processes() -> None:
    before = gc.get_threshold()
    garbage.look_less_often()
    assert gc.get_threshold() == before
