"""What the tracks of an artist, album or genre disagree about, settled when a scan finishes.

1. The result is a function of the tracks alone: most often written wins, ties go to the
   smallest text.  In which order batches were stored makes no difference.
2. `settled` of a row is 0 after its tracks changed, 1 once it is named, 2 once it is also known
   to be no double.  A double joins the one it stands for; before either is named again it is
   let go (see `joining.py`).
3. What no track refers to any more is deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Table,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    union_all,
    update,
)

from worker.catalog import settle_albums
from worker.catalog.finishing import Steps
from worker.catalog.joining import join_artists, let_credits_go
from worker.catalog.naming import KEY_CHARS, name_key
from worker.catalog.schema import (
    album_artists,
    albums,
    artists,
    genres,
    track_artists,
    track_genres,
)
from worker.catalog.voting import elect

#: Rows that are settled in one transaction.
SETTLE_CHUNK = 500


def settle(steps: Steps) -> None:
    """Settle all albums, artists and genres whose tracks changed."""
    # Albums first: which artists are credited with them is only then known.
    _until_settled(steps, albums, settle_albums.name, settle_albums.join_doubles)
    _until_settled(steps, artists, _name_artists, _join_artists)
    _until_settled(steps, genres, _name_genres, _accept_genres)


Step = Callable[[Connection, Sequence[int]], None]


def _until_settled(steps: Steps, table: Table, name: Step, join: Step) -> None:
    """Name rows until none is left to name, then look for doubles; again, until all is settled."""
    # The 2 is written out so that SQLite sees the partial index.
    query = select(table.c.id, table.c.settled).where(table.c.settled < literal_column("2"))
    query = query.order_by(table.c.settled, table.c.id).limit(SETTLE_CHUNK)
    while True:
        with steps.step() as (connection, _):
            rows = connection.execute(query).all()
            if not rows:
                return
            level = rows[0].settled
            step = join if level else name
            step(connection, [row.id for row in rows if row.settled == level])


def _name_artists(connection: Connection, artist_ids: Sequence[int]) -> None:
    let_credits_go(connection, artist_ids)
    are_these = artists.c.id.in_(artist_ids)
    before = dict(
        connection.execute(select(artists.c.id, artists.c.name_key).where(are_these)).all()
    )
    named = _elect_names(connection, artist_ids)
    _drop(connection, artists, [i for i in artist_ids if i not in named])
    # Who had the same name may be the only one of it now.
    left = {key for artist_id, key in before.items() if named.get(artist_id) != key}
    if left:
        namesakes = artists.c.name_key.in_(left) & (artists.c.settled == 2)
        connection.execute(update(artists).where(namesakes).values(settled=1))


def _elect_names(connection: Connection, artist_ids: Sequence[int]) -> dict[int, str]:
    """Name artists by their credits; id -> key of the name, for those that are credited."""
    parts = [
        select(links.c.artist_id, links.c.credited_name, links.c.sort_name).where(
            links.c.artist_id.in_(artist_ids)
        )
        for links in (track_artists, album_artists)
    ]
    credits = union_all(*parts).subquery()
    query = select(credits, func.count()).group_by(*credits.c)
    rows: list[dict[str, Any]] = []
    for artist_id, lines in _by_id(connection.execute(query)).items():
        name = elect((name, n) for name, _, n in lines) or ""
        sort_name = elect((sort_name, n) for _, sort_name, n in lines)
        row = {"of": artist_id, "name": name, "sort_name": sort_name, "settled": 1}
        rows.append(row | {"name_key": name_key(name)[:KEY_CHARS]})
    if rows:
        connection.execute(update(artists).where(artists.c.id == bindparam("of")), rows)
    return {row["of"]: row["name_key"] for row in rows}


def _join_artists(connection: Connection, artist_ids: Sequence[int]) -> None:
    """A name without a MusicBrainz id is the artist of that name, when only one has an id."""
    named = select(artists.c.name_key).where(artists.c.id.in_(artist_ids))
    query = select(artists.c.name_key, artists.c.id, artists.c.mbid)
    query = query.where(artists.c.name_key.in_(named), artists.c.name_key != "")
    groups: dict[str, list[tuple[int, str | None]]] = {}
    for key, artist_id, mbid in connection.execute(query):
        groups.setdefault(key, []).append((artist_id, mbid))
    joining: dict[int, int] = {}
    namesakes: list[int] = []
    for members in groups.values():
        known = [artist_id for artist_id, mbid in members if mbid]
        if len(known) == 1:
            joining |= {artist_id: known[0] for artist_id, mbid in members if not mbid}
        elif len(known) > 1:
            namesakes += known
    join_artists(connection, joining)
    _drop(connection, artists, list(joining))
    changed = [*set(joining.values()), *let_credits_go(connection, namesakes)]
    # Whatever they are called by these credits, it is the same name.
    _elect_names(connection, changed)
    _set_settled(connection, artists, [*artist_ids, *changed], 2)


def _name_genres(connection: Connection, genre_ids: Sequence[int]) -> None:
    columns = track_genres.c
    query = select(columns.genre_id, columns.written_name, func.count())
    query = query.where(columns.genre_id.in_(genre_ids))
    found = connection.execute(query.group_by(columns.genre_id, columns.written_name))
    votes = _by_id(found)
    _drop(connection, genres, [i for i in genre_ids if i not in votes])
    rows = [{"of": i, "name": elect(lines) or "", "settled": 1} for i, lines in votes.items()]
    if rows:
        connection.execute(update(genres).where(genres.c.id == bindparam("of")), rows)


def _accept_genres(connection: Connection, genre_ids: Sequence[int]) -> None:
    _set_settled(connection, genres, genre_ids, 2)


def _by_id(rows: Iterable[tuple[Any, ...]]) -> dict[int, list[tuple[Any, ...]]]:
    groups: dict[int, list[tuple[Any, ...]]] = {}
    for row_id, *rest in rows:
        groups.setdefault(row_id, []).append(tuple(rest))
    return groups


def _drop(connection: Connection, table: Table, row_ids: Sequence[int]) -> None:
    if row_ids:
        connection.execute(delete(table).where(table.c.id.in_(row_ids)))


def _set_settled(connection: Connection, table: Table, row_ids: Sequence[int], level: int) -> None:
    connection.execute(update(table).where(table.c.id.in_(row_ids)).values(settled=level))
