"""`needle status` and `needle problems`: what the page shows, in lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from cli.client import Api, Document
from cli.scan import checked_id, files_done, place, state_words
from cli.terminal import say

PAGE = 1_000  #: problems asked for at a time


def status(api: Api, *, as_json: bool) -> None:
    """Show how Redis, workers, folders and scans are."""
    document = api.get("/status")
    if as_json:
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return
    recent = api.get("/scans?limit=5")["scans"] if document["redis"]["ok"] else []
    for line in _lines(api.url, document, recent):
        say(line)


def problems(api: Api, scan_id: str, *, as_csv: bool) -> None:
    """Show the files of a scan that are not, or not wholly, in the catalog."""
    of_scan = f"/scans/{checked_id(scan_id)}"
    if as_csv:
        sys.stdout.buffer.write(api.read(f"{of_scan}/problems.csv"))
        sys.stdout.buffer.flush()
        return
    offset, total = 0, 1
    while offset < total:
        page = api.get(f"{of_scan}/problems?limit={PAGE}&offset={offset}")
        for row in page["problems"]:
            say(f"{row['outcome']}: {row['path']}: {row['error_class']}: {row['message']}")
        total = page["total"] if page["problems"] else 0
        offset += PAGE
    if offset == PAGE and not total:
        say("No problems")


def _lines(url: str, document: Document, recent: list[Document]) -> Iterator[str]:
    redis = document["redis"]
    yield f"Needle at {url}: {str(document['phase']).replace('_', ' ')}"
    yield "Redis   " + ("answers" if redis["ok"] else f"does not answer: {redis['error']}")
    yield from _workers(document["workers"])
    for root in document["roots"]:
        known = f"{root['known_files']:,} files known" if root["readable"] else root["message"]
        yield f"Music   {root['path']}: {known or 'not looked at yet'}"
    waiting = [queue for queue in document["queues"] if queue["waiting"]]
    if waiting:
        yield "Waiting " + ", ".join(f"{queue['name']} {queue['waiting']:,}" for queue in waiting)
    for scan in recent:
        yield (
            f"Scan    {scan['id']} {scan['mode']} {place(scan)}: {state_words(scan)}, "
            f"{files_done(scan):,} of {scan['files_found']:,} files"
        )


def _workers(workers: list[Document]) -> Iterator[str]:
    if not workers:
        yield "Worker  none runs: `needle up` starts one"
    for worker in workers:
        state = "silent" if worker["silent"] else f"{worker['busy']} of {worker['processes']} busy"
        yield f"Worker  {worker['name']}: {state}, {worker['rss_bytes'] / 2**20:,.0f} MB"
