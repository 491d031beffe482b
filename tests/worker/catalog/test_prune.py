"""Forgetting old scans."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import update

from tests.worker.catalog.scenario import begin, broken, rows, scan, song
from worker.catalog import prune as prune_module
from worker.catalog import schema
from worker.catalog.prune import KEPT_SECONDS, prune
from worker.catalog.store import Catalog

NOW = time.time()


@pytest.fixture(autouse=True)
def _few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune_module, "SCANS_OF_ROOT", 2)
    monkeypatch.setattr(prune_module, "ROWS_CHUNK", 3)


def five_scans(catalog: Catalog) -> None:
    for number in range(5):
        files = [song(f"{number}-{n}.mp3", n) for n in range(4)]
        files.append(song("always.mp3", 9))
        scan(catalog, [*files, broken("x.mp3", number)], f"scan-{number}", mark_anyway=True)


def age(catalog: Catalog, *, seconds: float, count: int) -> None:
    with catalog.write() as connection:
        for number in range(count):
            row = update(schema.scans).where(schema.scans.c.id == f"scan-{number}")
            connection.execute(row.values(requested_at=NOW - seconds + number))


def kept(catalog: Catalog, table: str, column: str = "scan_id") -> list[str]:
    return sorted({row[column] for row in rows(catalog, table)})


def test_old_scans_go_with_all_their_rows(catalog: Catalog) -> None:
    five_scans(catalog)
    library = rows(catalog, "files"), rows(catalog, "tracks")
    age(catalog, seconds=KEPT_SECONDS + 60, count=5)

    assert prune(catalog, NOW) == 3

    left = ["scan-3", "scan-4"]
    assert kept(catalog, "scans", "id") == left
    assert kept(catalog, "outcomes") == left
    assert kept(catalog, "tallies") == left
    assert kept(catalog, "batches") == left
    assert kept(catalog, "unchanged") == left
    assert (rows(catalog, "files"), rows(catalog, "tracks")) == library
    assert prune(catalog, NOW) == 0


def test_recent_scans_stay_however_many(catalog: Catalog) -> None:
    five_scans(catalog)
    age(catalog, seconds=KEPT_SECONDS + 60, count=1)

    assert prune(catalog, NOW) == 1

    assert kept(catalog, "scans", "id") == ["scan-1", "scan-2", "scan-3", "scan-4"]


def test_a_scan_that_is_not_over_stays(catalog: Catalog) -> None:
    begin(catalog, "scan-0")
    age(catalog, seconds=KEPT_SECONDS + 60, count=1)
    with catalog.write() as connection:
        connection.execute(update(schema.scans).values(active=False))
    for number in (1, 2):
        scan(catalog, [song("a.mp3")], f"scan-{number}")
    with catalog.write() as connection:
        row = update(schema.scans).where(schema.scans.c.id == "scan-0")
        connection.execute(row.values(active=True))

    assert prune(catalog, NOW) == 0
