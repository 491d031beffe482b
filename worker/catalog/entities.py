"""From what was read to what is stored: artists, albums, genres and rows.  Pure, no database.

A track knows its artists, album and genres by their place in the lists of its batch.  What
identifies them: a MusicBrainz id if there is one, else the name (see `naming.py`); an album is
told by the folder of its release, and by its id, else by its title and its album artists (unless
it is a compilation or names none).
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from worker.catalog.filelist import bounded, path_to_text
from worker.catalog.naming import KEY_CHARS, digest, is_various, name_key, release_folder
from worker.library.model import Audio, FileResult, Tags

#: The columns of a track that come from its tags as they are, from lists (JSON), from its audio.
TAG_COLUMNS = (
    "title", "title_sort", "album", "album_sort", "track_number", "track_total", "disc_number",
    "disc_total", "date", "original_date", "compilation", "label", "catalog_number", "barcode",
    "comment", "has_lyrics", "bpm", "key", "encoder", "mb_recording_id", "mb_track_id",
    "mb_release_id", "mb_release_group_id", "acoustid_id", "replaygain_track_gain_db",
    "replaygain_track_peak", "replaygain_album_gain_db", "replaygain_album_peak", "cover_count",
    "cover_bytes",
)  # fmt: skip
LIST_COLUMNS = (
    "album_artists", "album_artist_sorts", "composers", "isrcs", "mb_artist_ids",
    "mb_album_artist_ids", "cover_kinds",
)  # fmt: skip
AUDIO_COLUMNS = Audio._fields
#: The order of `TrackRow.values`.
TRACK_COLUMNS = (*TAG_COLUMNS, *LIST_COLUMNS, *AUDIO_COLUMNS, "artist")


def _getter(*names: str) -> Callable[[Tags], tuple[Any, ...]]:
    """What gets several attributes of tags: by their places, which takes half the time."""
    return operator.itemgetter(*map(Tags._fields.index, names))


_tag_values = _getter(*TAG_COLUMNS)
_list_values = _getter(*LIST_COLUMNS)
#: What tells the album of one track from that of another in the same folder.
_album_values = _getter(
    "mb_release_id", "album", "album_artists", "mb_album_artist_ids", "album_artist_sorts",
    "compilation",
)  # fmt: skip
_credit_values = _getter("artists", "mb_artist_ids", "artist_sorts")
_quote = json.encoder.encode_basestring  # as `json.dumps` without `ensure_ascii` writes a text
_NO_AUDIO = (None,) * len(AUDIO_COLUMNS)


class ArtistRow(NamedTuple):
    """An artist that a batch names."""

    name: str
    mbid: str | None


class AlbumRow(NamedTuple):
    """An album that a batch names.  With an `mbid` only its place tells it from others."""

    mbid: str | None
    place: str  #: folder of the release, see `filelist.path_to_text`
    title: str
    title_key: str
    artist_keys: list[str]  #: of its album artists, [] = told by place and title alone


class TrackRow(NamedTuple):
    """A track: its columns, and its places in the lists of the batch."""

    values: list[Any]  #: see `TRACK_COLUMNS`
    album: int | None
    artists: list[tuple[int, str, str | None]]  #: artist, name as credited, sort name
    genres: list[tuple[int, str]]  #: genre, name as written


class FileRow(NamedTuple):
    """A file that was read, or could not be."""

    path: str  #: see `filelist.path_to_text`
    size: int
    mtime_ns: int
    ctime_ns: int
    outcome: str | None  #: None: read; the catalog tells new from updated
    error_class: str
    message: str
    flags: str | None
    track: TrackRow | None


@dataclass(frozen=True, slots=True)
class Grouped:
    """A batch ready to be stored: see `writer.complete`."""

    files: list[FileRow] = field(default_factory=list)
    artists: list[ArtistRow] = field(default_factory=list)
    albums: list[AlbumRow] = field(default_factory=list)
    genres: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """As values that JSON can carry."""
        return {
            "files": self.files,
            "artists": self.artists,
            "albums": self.albums,
            "genres": self.genres,
        }

    @classmethod
    def from_json(cls, data: Any) -> Grouped:
        """The inverse of `to_json`.  Raises TypeError or KeyError for anything else."""
        return cls(
            files=[_file_row(row) for row in data["files"]],
            artists=[ArtistRow(*row) for row in data["artists"]],
            albums=[AlbumRow(*row) for row in data["albums"]],
            genres=list(data["genres"]),
        )


def group(results: Sequence[FileResult]) -> Grouped:
    """Find the artists, albums and genres of `results` and link every track to its own."""
    return _Grouping().run(results)


class _Grouping:
    """One batch: rows so far, and the place of each by what identifies it."""

    def __init__(self) -> None:
        self.grouped = Grouped()
        self._artists: dict[tuple[str, str | None], int] = {}
        self._albums: dict[tuple[Any, ...], int] = {}
        self._genres: dict[str, int] = {}
        # Nearly all tracks say the same of their album, artists and genres as the one before.
        self._album_of: dict[tuple[Any, ...], int | None] = {}
        self._credit_of: dict[tuple[Any, ...], list[tuple[int, str, str | None]]] = {}
        self._genres_of: dict[tuple[str, ...], list[tuple[int, str]]] = {}

    def run(self, results: Sequence[FileResult]) -> Grouped:
        for result in results:
            track = self._track(result) if result.tags is not None else None
            size, mtime_ns, ctime_ns = map(bounded, result.signature)
            self.grouped.files.append(
                FileRow(
                    path_to_text(result.path),
                    size,
                    mtime_ns,
                    ctime_ns,
                    result.outcome,
                    result.error_class,
                    result.message,
                    " ".join(result.flags) or None,
                    track,
                )
            )
        return self.grouped

    def _track(self, result: FileResult) -> TrackRow:
        tags = result.tags or Tags()
        credit = _credit_values(tags)
        artists = self._credit_of.get(credit)
        if artists is None:
            artists = self._credit_of[credit] = [
                (self._artist(name, mbid), name, sort) for name, mbid, sort in credits_of(*credit)
            ]
        genres = self._genres_of.get(tags.genres)
        if genres is None:
            genres = self._genres_of[tags.genres] = [
                (self._genre(name), name) for name in tags.genres if name_key(name)
            ]
        values = [*_tag_values(tags), *map(_as_json, _list_values(tags))]
        values += result.audio or _NO_AUDIO
        values.append("; ".join(tags.artists) or None)
        folder = result.path.rpartition(b"/")[0]
        said = (folder, *_album_values(tags))
        if said not in self._album_of:
            self._album_of[said] = self._album(folder, tags)
        return TrackRow(values, self._album_of[said], artists, genres)

    def _artist(self, name: str, mbid: str | None) -> int:
        key = name_key(name)
        identity = ("", mbid) if mbid else (key, None)
        place = self._artists.get(identity)
        if place is None:
            place = self._artists[identity] = len(self._artists)
            self.grouped.artists.append(ArtistRow(name, mbid))
        return place

    def _album(self, folder: bytes, tags: Tags) -> int | None:
        row = album_of(folder, tags)
        if row is None:
            return None
        for name, mbid, _ in _album_credits(tags):
            self._artist(name, mbid)
        told_by = (row.mbid,) if row.mbid else (row.title_key, *row.artist_keys)
        index = self._albums.get((row.place, *told_by))
        if index is None:
            index = self._albums[(row.place, *told_by)] = len(self._albums)
            self.grouped.albums.append(row)
        return index

    def _genre(self, name: str) -> int:
        key = name_key(name)
        place = self._genres.get(key)
        if place is None:
            place = self._genres[key] = len(self._genres)
            self.grouped.genres.append(name)
        return place


def artist_key(key: str, mbid: str | None) -> bytes:
    """What tells an artist from every other: its MusicBrainz id, else the key of its name."""
    return digest("mbid", mbid) if mbid else digest("name", key)


def artist_values(name: str, mbid: str | None) -> dict[str, Any]:
    """The columns of an artist that is stored for the first time."""
    key = name_key(name)
    return {
        "key": artist_key(key, mbid),
        "name": name,
        "name_key": key[:KEY_CHARS],
        "mbid": mbid,
    }


def genre_values(name: str) -> dict[str, Any]:
    """The columns of a genre that is stored for the first time."""
    return {"key": digest("genre", name_key(name)), "name": name}


def album_of(folder: bytes, tags: Tags) -> AlbumRow | None:
    """The album that a track in `folder` (relative to its root) names, None for none."""
    title = tags.album or ""
    if tags.mb_release_id is None and not name_key(title):
        return None
    credited = _album_credits(tags)
    told_by_artists = not (
        tags.mb_release_id or tags.compilation or any(is_various(n) for n, _, _ in credited)
    )
    return AlbumRow(
        tags.mb_release_id,
        path_to_text(release_folder(folder)),
        title,
        name_key(title)[:KEY_CHARS],
        [artist_key(name_key(n), m).hex() for n, m, _ in credited if told_by_artists],
    )


def album_key(root_id: str, album: AlbumRow) -> bytes:
    """What tells an album from every other while it is stored; see `editions.py` for the rest."""
    if album.mbid:
        return digest("mbid", album.mbid, root_id, album.place)
    return digest("album", root_id, album.place, album.title_key, *album.artist_keys)


def album_values(root_id: str, album: AlbumRow) -> dict[str, Any]:
    """The columns of an album that is stored for the first time."""
    return {
        "key": album_key(root_id, album),
        "title": album.title,
        "title_key": album.title_key,
        "mbid": album.mbid,
        "has_album_artist": bool(album.artist_keys),
    }


def _album_credits(tags: Tags) -> list[tuple[str, str | None, str | None]]:
    return credits_of(tags.album_artists, tags.mb_album_artist_ids, tags.album_artist_sorts)


def credits_of(
    names: Sequence[str], mbids: Sequence[str], sorts: Sequence[str]
) -> list[tuple[str, str | None, str | None]]:
    """Name, MusicBrainz id and sort name of each artist of a credit.

    Ids (or sort names) that are not as many as the names belong to nobody in particular.
    """
    ids = mbids if len(mbids) == len(names) else [None] * len(names)
    sort_names = sorts if len(sorts) == len(names) else [None] * len(names)
    return [
        (name, mbid or None, sort or None)
        for name, mbid, sort in zip(names, ids, sort_names, strict=True)
        if name_key(name)
    ]


def _as_json(values: Sequence[str]) -> str | None:
    return f"[{', '.join(map(_quote, values))}]" if values else None


def _file_row(row: list[Any]) -> FileRow:
    row[-1] = TrackRow(*row[-1]) if row[-1] is not None else None
    return FileRow(*row)
