"""Queue `maintenance`, most urgent: what the page asks about the catalog.  Nothing is changed.

A question comes with the id of the list where its answer is waited for; whoever asked is gone
after some seconds, and so is the list after a minute.
"""

from __future__ import annotations

from collections.abc import Callable

from celery import shared_task

from wire.answers import Detail, Recalled, Search, pack, pack_failure
from wire.events import load
from wire.keys import ANSWER_TTL
from wire.missing import MissingQuestion
from wire.names import (
    LIBRARY_ALBUM,
    LIBRARY_ARTIST,
    LIBRARY_MISSING,
    LIBRARY_OVERVIEW,
    LIBRARY_PROBLEMS,
    LIBRARY_SEARCH,
    is_answer_id,
    is_scan_id,
)
from worker import pipeline
from worker.catalog import browse, purge
from worker.catalog.store import Catalog
from worker.services import Services, services

SOFT_LIMIT_SECONDS, HARD_LIMIT_SECONDS = 20, 30


@shared_task(
    name=LIBRARY_OVERVIEW, soft_time_limit=SOFT_LIMIT_SECONDS, time_limit=HARD_LIMIT_SECONDS
)
def overview(answer_id: str, question: str) -> None:  # noqa: ARG001 - there is nothing to ask
    """Totals and recently added albums; they are kept for whoever asks next."""

    def ask(catalog: Catalog) -> object:
        found = browse.overview(catalog)
        services().progress.overview(found)
        return found

    _answer(answer_id, ask)


@shared_task(name=LIBRARY_SEARCH, soft_time_limit=SOFT_LIMIT_SECONDS, time_limit=HARD_LIMIT_SECONDS)
def search(answer_id: str, question: str) -> None:
    """Artists, albums and tracks; `question` is JSON of `wire.answers.Search`."""
    _answer(answer_id, lambda catalog: browse.search(catalog, load(Search, question)))


@shared_task(name=LIBRARY_ALBUM, soft_time_limit=SOFT_LIMIT_SECONDS, time_limit=HARD_LIMIT_SECONDS)
def album(answer_id: str, question: str) -> None:
    """An album and its tracks; `question` is JSON of `wire.answers.Detail`."""
    _answer(answer_id, lambda catalog: browse.album(catalog, load(Detail, question)))


@shared_task(name=LIBRARY_ARTIST, soft_time_limit=SOFT_LIMIT_SECONDS, time_limit=HARD_LIMIT_SECONDS)
def artist(answer_id: str, question: str) -> None:
    """An artist and its albums; `question` is JSON of `wire.answers.Detail`."""
    _answer(answer_id, lambda catalog: browse.artist(catalog, load(Detail, question)))


@shared_task(
    name=LIBRARY_MISSING, soft_time_limit=SOFT_LIMIT_SECONDS, time_limit=HARD_LIMIT_SECONDS
)
def missing(answer_id: str, question: str) -> None:
    """What a purge would delete; `question` is JSON of `wire.missing.MissingQuestion`."""
    _answer(answer_id, lambda catalog: purge.preview(catalog, load(MissingQuestion, question)))


@shared_task(
    name=LIBRARY_PROBLEMS, soft_time_limit=SOFT_LIMIT_SECONDS, time_limit=HARD_LIMIT_SECONDS
)
def problems(answer_id: str, question: str) -> None:
    """Write the problems of an old scan to Redis again; `question` is its id."""
    here = services()
    if not is_scan_id(question):
        raise ValueError(f"{question[:40]!r} is no scan id")
    _answer(answer_id, lambda _: Recalled(pipeline.recall_problems(here, question)))


def _answer(answer_id: str, ask: Callable[[Catalog], object]) -> None:
    """Put what `ask` finds where it is waited for; at least that there will be nothing."""
    here = services()
    if not is_answer_id(answer_id):
        raise ValueError(f"{answer_id[:40]!r} is no answer id")
    try:
        answer = pack(ask(here.catalog))
    except Exception:
        _put(here, answer_id, pack_failure("The worker could not read the catalog; see its log."))
        raise
    _put(here, answer_id, answer)


def _put(here: Services, answer_id: str, answer: bytes) -> None:
    key = here.keys.answer(answer_id)
    pipe = here.redis.pipeline()
    pipe.rpush(key, answer)
    pipe.expire(key, ANSWER_TTL)
    pipe.execute()
