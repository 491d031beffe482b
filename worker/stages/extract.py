"""Queue `extract`: reading the tags of one batch of files."""

from __future__ import annotations

import time
from collections.abc import Sequence

from billiard.exceptions import SoftTimeLimitExceeded
from celery import shared_task

from wire.keys import BATCH_TTL
from wire.names import EXTRACT_BATCH, PROCESS_ENTITIES
from wire.outcomes import Outcome
from worker import crash, pipeline
from worker.catalog import journal, record, writer
from worker.catalog.batchrow import Stage
from worker.catalog.journal import Claim
from worker.control import Control, obey
from worker.library.model import FileResult, FoundFile
from worker.library.reader import Reader
from worker.services import Services, services
from worker.stages.claimed import claimed

#: Seconds of reading after which the rest of a batch becomes a batch of its own.
SLICE_SECONDS = 5.0
#: file limit (at most 40 s) < soft < hard < lease: see `worker.settings.FILE_SECONDS`
SOFT_LIMIT_SECONDS, HARD_LIMIT_SECONDS, LEASE_SECONDS = 50, 60, 75.0
#: A batch whose process died this often is read file by file, each noted before it is opened.
CAREFUL_FROM_ATTEMPT = 2
#: Files read at a time by then, so that what is read is stored before the next process dies.
CAREFUL_FILES = 10
#: A batch that ended without a result this often is given up.
MAX_ATTEMPTS = 50
#: A file is left alone when this many processes died while they read it.
DEATHS_TO_QUARANTINE = 2


@shared_task(name=EXTRACT_BATCH, soft_time_limit=SOFT_LIMIT_SECONDS, time_limit=HARD_LIMIT_SECONDS)
def extract_batch(batch_id: int) -> None:
    """Read a batch's files and lay the rows into Redis for `batch.process_entities`."""
    here = services()
    with claimed(here, batch_id, Stage.EXTRACT, LEASE_SECONDS) as held:
        if held is None:
            return
        if held.attempt > MAX_ATTEMPTS:
            _give_up(here, held)
            return
        done = _extract(here, held)
    if done:
        pipeline.send(here, PROCESS_ENTITIES, batch_id=batch_id)
    else:
        pipeline.pump(here, held.scan_id)


def _extract(here: Services, held: Claim) -> bool:
    """Whether the batch is on its way to the next stage."""
    results = _read(here, held)
    rest = held.files[len(results) :]
    if not results:
        journal.send_back(here.catalog, held)
        obey(here, held.scan_id)
        return False
    crash.step(here)
    here.redis.set(here.keys.batch(held.batch_id), record.pack_results(results), ex=BATCH_TTL)
    crash.step(here)
    return journal.advance(here.catalog, held, Stage.BATCH, here.epoch(), rest)


def _read(here: Services, held: Claim) -> Sequence[FileResult]:
    """Results for the first files of the batch: all of them, unless time or a request ends it."""
    settings = here.settings
    control = Control(here, held.scan_id)
    careful = held.attempt >= CAREFUL_FROM_ATTEMPT
    deadline = time.monotonic() + SLICE_SECONDS
    results: list[FileResult] = []
    reader = Reader(
        held.root.path,
        file_timeout_seconds=settings.file_seconds,
        memory_bytes=settings.file_memory_bytes,
        passthrough=(SoftTimeLimitExceeded,),
    )
    with reader:
        for file in held.files:
            late = time.monotonic() >= deadline or (careful and len(results) >= CAREFUL_FILES)
            if (results and late) or control.halt():
                break
            here.progress.at(held.scan_id, "extract", file.path)
            if held.suspects.get(file.path, 0) >= DEATHS_TO_QUARANTINE:
                results.append(_quarantined(file, held.suspects[file.path]))
                continue
            if careful and not journal.note_current(here.catalog, held, file.path):
                break
            crash.at_file(here, file.path)
            results.append(reader.read(file))
    if careful:
        journal.note_current(here.catalog, held, None)
    return results


def _give_up(here: Services, held: Claim) -> None:
    message = f"reading its batch was begun {held.attempt - 1} times and never ended"
    completed = writer.give_up(here.catalog, held, "BatchFailed", message, now=time.time())
    pipeline.publish(here, held.scan_id, always=True)
    if completed is not None and completed.finish:
        pipeline.finish(here, held.scan_id)


def _quarantined(file: FoundFile, deaths: int) -> FileResult:
    return FileResult(
        path=file.path,
        signature=file.signature,
        outcome=Outcome.QUARANTINED,
        error_class="ProcessDied",
        message=f"{deaths} processes died while reading it; it is left alone until it changes",
    )
