"""Queues, task names, routes and stages: the vocabulary that web and worker share.

On Redis priority 0 is the most urgent, and kombu keeps one list per step of `PRIORITY_STEPS`.
Workers drain the queues in the order given here, downstream first, so what was begun is
finished before more is begun.
"""

from __future__ import annotations

import calendar
import re
import secrets
import time
from dataclasses import dataclass

PRIORITY_STEPS = (0, 3, 6, 9)
PRIORITY_SEPARATOR = ":"
URGENT, HIGH, MEDIUM, LOW = PRIORITY_STEPS


@dataclass(frozen=True, slots=True)
class Queue:
    """A Celery queue and the priority its tasks get unless they ask for another."""

    name: str
    priority: int


QUEUES = (
    Queue("insert", HIGH),
    Queue("batch", HIGH),
    Queue("extract", HIGH),
    Queue("scan", HIGH),
    Queue("vector", MEDIUM),
    Queue("covers", LOW),
    Queue("deferred", LOW),
    Queue("maintenance", LOW),
)
QUEUE_NAMES = tuple(queue.name for queue in QUEUES)

SCAN_DISCOVERY = "scan.discovery"
SCAN_CONTROL = "scan.control"
SCAN_RECONCILE = "scan.reconcile"
SCAN_FINISH = "scan.finish"
EXTRACT_BATCH = "metadata.extract_batch"
PROCESS_ENTITIES = "batch.process_entities"
INSERT_BATCH = "insert.direct_batch"

LIBRARY_OVERVIEW = "library.overview"
LIBRARY_SEARCH = "library.search"
LIBRARY_ALBUM = "library.album"
LIBRARY_ARTIST = "library.artist"
LIBRARY_MISSING = "library.missing"
LIBRARY_PROBLEMS = "library.problems"
PURGE_MISSING = "maintenance.purge_missing"
PRUNE_HISTORY = "maintenance.prune_history"
KEEP_SIZES = "maintenance.keep_sizes"

#: Short commands, and questions somebody waits for: they must not wait behind a scan's own work.
URGENT_TASKS = (
    SCAN_CONTROL,
    SCAN_RECONCILE,
    SCAN_FINISH,
    LIBRARY_OVERVIEW,
    LIBRARY_SEARCH,
    LIBRARY_ALBUM,
    LIBRARY_ARTIST,
    LIBRARY_MISSING,
    LIBRARY_PROBLEMS,
)

#: Glob -> queue, first match wins.  The dotted names are Needle's; the flat ones are those of
#: the applications Needle grew out of, so that their tasks land on the same eight queues.
ROUTE_GLOBS = (
    ("scan.*", "scan"),
    ("metadata.*", "extract"),
    ("batch.*", "batch"),
    ("insert.*", "insert"),
    ("vector.*", "vector"),
    ("covers.*", "covers"),
    ("deferred.*", "deferred"),
    ("enrich.*", "deferred"),
    ("maintenance.*", "maintenance"),
    ("library.*", "maintenance"),
    ("scan_*", "scan"),
    ("extract_*", "extract"),
    ("batch_*", "batch"),
    ("group_by_artist", "batch"),
    ("prepare_insertion_batch", "batch"),
    ("insert_*", "insert"),
    ("enrich_*", "deferred"),
    ("vectorize_*", "deferred"),
    ("cleanup_*", "deferred"),
)


@dataclass(frozen=True, slots=True)
class StageName:
    """A step of a scan: its key in events, the task that does it."""

    key: str
    task: str


STAGES = (
    StageName("scan", SCAN_DISCOVERY),
    StageName("extract", EXTRACT_BATCH),
    StageName("batch", PROCESS_ENTITIES),
    StageName("insert", INSERT_BATCH),
)

_ANSWER_ID = re.compile(r"[0-9a-f]{32}")
_SCAN_ID = re.compile(r"\d{8}T\d{6}-[0-9a-f]{6}")


def new_scan_id() -> str:
    """A new scan id such as `20261121T010203-4f2a1c`: UTC time, then 24 random bits."""
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime()) + "-" + secrets.token_hex(3)


def new_answer_id() -> str:
    """A name, which nobody can guess, of the place where an answer is waited for."""
    return secrets.token_hex(16)


def is_answer_id(text: str) -> bool:
    """Whether `text` has the form of an answer id."""
    return _ANSWER_ID.fullmatch(text) is not None


def scan_id_at(scan_id: str) -> float:
    """When a scan id was made, in epoch seconds; 0 for a text that is none."""
    if not is_scan_id(scan_id):
        return 0.0
    try:
        return float(calendar.timegm(time.strptime(scan_id[:15], "%Y%m%dT%H%M%S")))
    except ValueError:  # the digits are no date
        return 0.0


def is_scan_id(text: str) -> bool:
    """Whether `text` has the form of a scan id (ASCII digits only)."""
    return text.isascii() and _SCAN_ID.fullmatch(text) is not None
