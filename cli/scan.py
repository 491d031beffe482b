"""`needle scan`: start a scan, follow it, sum it up."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from cli.client import Api, Document, NoAnswerError
from cli.progress import Progress, open_progress
from cli.terminal import Failure, complain, say
from wire.outcomes import PROBLEMS, Outcome
from wire.states import FINAL, ScanState

POLL_SECONDS = 0.5
#: Seconds that the page may be away while a scan is followed: it is started again when it died.
PATIENCE_SECONDS = 60.0
EXIT_OK, EXIT_FAILED, EXIT_PROBLEMS, EXIT_INTERRUPTED = 0, 1, 2, 130
_GOOD = frozenset(Outcome) - frozenset(PROBLEMS)
_EXIT_CODES = {
    ScanState.COMPLETED: EXIT_OK,
    ScanState.COMPLETED_WITH_PROBLEMS: EXIT_PROBLEMS,
}


def scan(api: Api, folder: str | None, mode: str, *, anyway: bool, wait: bool) -> int:
    """Start a scan of `folder` (None: all music folders) and give the exit code.

    With `wait` it is the worst of the scans': 1 failed, skipped or cancelled, 2 finished with
    problems.
    """
    body: Document = {"mode": mode, "mark_anyway": anyway}
    if folder is not None:
        body["root"] = os.path.abspath(os.path.expanduser(folder))
    started = api.post("/scans", body)
    scans: list[Document] = started.get("scans") or [started]
    if not wait:
        for document in scans:
            say(f"Scan {document['id']} of {place(document)}: {state_words(document)}")
        return EXIT_OK
    return max((_follow(api, document) for document in scans), key=_badness)


def stop(api: Api, scan_id: str) -> None:
    """Ask a scan to stop."""
    document = api.post(f"/scans/{checked_id(scan_id)}/stop", {})
    say(f"Scan {document['id']} of {place(document)}: {state_words(document)}")


def place(document: Document) -> str:
    """The folder that a scan is of."""
    return os.path.join(str(document["root"]), str(document["folder"])).rstrip("/") or "/"


def state_words(document: Document) -> str:
    """The state of a scan, with its reason."""
    words, reason = str(document["state"]).replace("_", " "), document["reason"]
    return f"{words} ({reason})" if reason else words


def files_done(document: Document) -> int:
    """Files of this scan that have an outcome; missing ones are not among those found."""
    counts = document["counts"]
    return sum(counts[outcome] for outcome in Outcome if outcome != Outcome.MISSING)


def summary(document: Document) -> Iterator[str]:
    """What became of the files, line by line."""
    seconds = document["duration_seconds"] or 0.0
    yield f"Scan {document['id']} of {place(document)}: {state_words(document)}"
    yield f"  {document['files_found']:,} files found in {seconds:,.1f} s"
    for outcome, files in document["counts"].items():
        if files and outcome in _GOOD:
            yield f"  {files:,} {outcome}"
    for reason in document["reasons"]:
        outcome = str(reason["outcome"]).replace("_", " ")
        yield f"  {reason['files']:,} {outcome}: {reason['error_class']}"
    if document["problems"]:
        yield f"  `needle problems {document['id']}` names the files"


def _follow(api: Api, document: Document) -> int:
    scan_id = document["id"]
    try:
        with open_progress(place(document)) as progress:
            document = _until_final(api, document, progress)
    except KeyboardInterrupt:
        complain(f"the scan goes on: `needle status` shows it, `needle stop {scan_id}` ends it")
        return EXIT_INTERRUPTED
    for line in summary(document):
        say(line)
    return _EXIT_CODES.get(ScanState(document["state"]), EXIT_FAILED)


def _until_final(api: Api, document: Document, progress: Progress) -> Document:
    answered_at = time.monotonic()
    while document["state"] not in FINAL:
        progress.show(state_words(document), files_done(document), _total(document))
        time.sleep(POLL_SECONDS)
        try:
            document = api.get(f"/scans/{document['id']}")
            answered_at = time.monotonic()
        except NoAnswerError:
            if time.monotonic() - answered_at > PATIENCE_SECONDS:
                raise
    progress.show(state_words(document), files_done(document), _total(document))
    return document


def _total(document: Document) -> int | None:
    """Files to do, None while they are still being found."""
    return int(document["files_found"]) if document["discovered_at"] else None


def _badness(code: int) -> int:
    return (EXIT_OK, EXIT_PROBLEMS, EXIT_FAILED, EXIT_INTERRUPTED).index(code)


def checked_id(scan_id: str) -> str:
    """An id, which may stand in an address as it is.  Raises Failure."""
    if not (scan_id.isascii() and scan_id.replace("-", "").isalnum()):
        raise Failure(f"{scan_id!r} is no scan id; `needle status` shows them")
    return scan_id
