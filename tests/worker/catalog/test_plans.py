"""Settling costs no more the more the catalog holds: no query reads all of a large table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

from tests.worker.catalog.scenario import begin, discover, song, work
from worker.catalog.finishing import Finishing
from worker.catalog.settle import settle
from worker.catalog.store import Catalog

#: Tables that grow with the library.
LARGE = {"files", "tracks", "track_artists", "track_genres", "search_texts", "folders"}


@contextmanager
def plans() -> Iterator[dict[str, list[str]]]:
    """Statement -> the steps of its plan, of all that SQLite is asked to do meanwhile."""
    found: dict[str, list[str]] = {}

    def explain(
        connection: Connection, _cursor: Any, statement: str, parameters: Any, *_: Any
    ) -> None:
        if statement.lstrip()[:6].upper() in ("SELECT", "UPDATE", "DELETE"):
            one = parameters[0] if isinstance(parameters, list) else parameters
            driver: Any = connection.connection.driver_connection
            rows = driver.execute(f"explain query plan {statement}", one)
            found[statement] = [row[3] for row in rows]

    event.listen(Engine, "before_cursor_execute", explain)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", explain)


def test_settling_reads_no_table_from_end_to_end(tmp_path: Path) -> None:
    catalog = Catalog(f"sqlite:///{tmp_path}/library.db")
    catalog.migrate()
    release = "0a5ae2f4-cf1f-4e1f-9d1c-7d6f1a3f1a11"
    mine = "1b6bf305-d02f-4e1f-9d1c-7d6f1a3f1a22"
    of_album = {"album": "X", "album_artists": ("A",), "artists": ("A",), "genres": ("Folk",)}
    library = [
        song("one/1.mp3", mb_release_id=release, track_number=1, **of_album),
        song("two/1.mp3", mb_release_id=release, track_number=1, **of_album),
        song("two/2.mp3", track_number=2, **of_album),
        song("three/1.mp3", artists=("A",), mb_artist_ids=(mine,), album="Y"),
    ]
    begin(catalog, "scan-1")
    discover(catalog, library, "scan-1")
    work(catalog, library)
    with plans() as found:
        settle(Finishing(catalog, "scan-1"))
    assert any("release_hash" in statement for statement in found)
    whole = {
        statement: step
        for statement, steps in found.items()
        for step in steps
        if step.startswith("MATERIALIZE")
        or (step.startswith("SCAN") and step.split()[1] in LARGE and "USING" not in step)
    }
    assert not whole
