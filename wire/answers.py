"""What the page asks a worker about the catalog, and what it is answered: frozen records.

The web process holds no database driver: a task answers, through a Redis list that expires.
Text in an answer is cut to what a page shows, is untrusted, and for display only.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from wire.events import EventError, dump, load

#: Rows of one kind in an answer at most, and characters of one text.
ROWS_MAX = 50
TEXT_CHARS = 300
PATH_CHARS = 600
#: Characters of a search, and the largest offset.
SEARCH_CHARS = 200
OFFSET_MAX = 10**9
#: An answer is compressed above the first, and refused above the second.
COMPRESSED_FROM_BYTES = 8 * 1024
ANSWER_BYTES = 2 * 1024 * 1024

_PLAIN, _COMPRESSED, _FAILED = b"j", b"z", b"e"

T = TypeVar("T")


class AnswerError(Exception):
    """There is no answer: what the worker says instead, a plain sentence."""


class Kind(StrEnum):
    """What is searched for."""

    ARTISTS = "artists"
    ALBUMS = "albums"
    TRACKS = "tracks"  #: audio files, with or without tags


@dataclass(frozen=True, slots=True)
class Overview:
    """What is in the catalog altogether."""

    at: float = 0.0
    artists: int = 0
    albums: int = 0
    genres: int = 0
    tracks: int = 0  #: of files that are there
    files: int = 0  #: that are there, with a track or without
    missing: int = 0  #: files that were there once
    problems: int = 0  #: files that are there and ended with a problem when they were read last
    duration_seconds: float = 0.0  #: of the tracks
    size_bytes: int = 0  #: of the files
    recent: tuple[Album, ...] = ()  #: the albums that were added last, latest first


@dataclass(frozen=True, slots=True)
class Artist:
    """An artist, with how much there is of it."""

    id: int
    name: str
    sort_name: str = ""
    mbid: str = ""
    albums: int = 0  #: as album artist, or on a track of the album
    tracks: int = 0


@dataclass(frozen=True, slots=True)
class Album:
    """An album."""

    id: int
    title: str
    artist: str = ""  #: as credited
    date: str = ""
    label: str = ""
    mbid: str = ""
    compilation: bool = False
    tracks: int = 0
    duration_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Track:
    """An audio file with what was read from it."""

    file_id: int
    path: str  #: display text, relative to the root
    root: str = ""  #: display text
    title: str = ""  #: "" = none was read
    artist: str = ""
    album: str = ""
    album_id: int | None = None
    disc_number: int | None = None
    track_number: int | None = None
    duration_seconds: float | None = None
    format: str = ""
    has_tags: bool = False  #: a track is stored for it
    outcome: str = ""  #: of the scan that read it last
    error_class: str = ""
    message: str = ""
    scan_id: str = ""  #: that scan
    missing_since: float | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """Some rows of a list."""

    total: int = 0
    artists: tuple[Artist, ...] = ()
    albums: tuple[Album, ...] = ()
    tracks: tuple[Track, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: a list for each kind that was asked for."""

    artists: Listed = field(default_factory=Listed)
    albums: Listed = field(default_factory=Listed)
    tracks: Listed = field(default_factory=Listed)


@dataclass(frozen=True, slots=True)
class AlbumDetail:
    """An album (None: there is none of that id), its artists, and some of its tracks in order."""

    album: Album | None = None
    artists: tuple[Artist, ...] = ()
    tracks: Listed = field(default_factory=Listed)


@dataclass(frozen=True, slots=True)
class ArtistDetail:
    """An artist (None: there is none of that id), and some of its albums and other tracks."""

    artist: Artist | None = None
    albums: Listed = field(default_factory=Listed)
    loose: Listed = field(default_factory=Listed)  #: tracks that belong to no album


@dataclass(frozen=True, slots=True)
class Recalled:
    """The problems of an old scan are in Redis again: so many."""

    problems: int = 0


@dataclass(frozen=True, slots=True)
class Search:
    """A question: rows whose text holds every word of `text`; all rows when there is none.

    Raises EventError for figures out of range.
    """

    text: str = ""
    kind: Kind | None = None  #: None: the first of each kind
    limit: int = ROWS_MAX
    offset: int = 0

    def __post_init__(self) -> None:
        if len(self.text) > SEARCH_CHARS:
            raise EventError(f"a search of at most {SEARCH_CHARS} characters is needed")
        _check_page(self.limit, self.offset)


@dataclass(frozen=True, slots=True)
class Detail:
    """A question: one album or artist, and a page of what belongs to it.  Raises EventError."""

    id: int
    limit: int = ROWS_MAX
    offset: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.id < 2**63:
            raise EventError("an id is needed")
        _check_page(self.limit, self.offset)


def _check_page(limit: int, offset: int) -> None:
    if not 1 <= limit <= ROWS_MAX:
        raise EventError(f"a limit from 1 to {ROWS_MAX} is needed")
    if not 0 <= offset <= OFFSET_MAX:
        raise EventError(f"an offset from 0 to {OFFSET_MAX} is needed")


def pack(answer: Any) -> bytes:
    """An answer as the bytes that go through Redis."""
    data = dump(answer).encode("ascii")
    if len(data) <= COMPRESSED_FROM_BYTES:
        return _PLAIN + data
    return _COMPRESSED + zlib.compress(data, 1)


def pack_failure(sentence: str) -> bytes:
    """Say that there will be no answer, and why."""
    return _FAILED + sentence[:TEXT_CHARS].encode("utf-8", "replace")


def unpack(cls: type[T], data: bytes) -> T:
    """The answer of type `cls` that `pack` wrote.

    Raises:
        AnswerError: it is none, is damaged or too large, or `pack_failure` wrote it.
    """
    mark, body = data[:1], data[1:]
    if mark == _FAILED:
        raise AnswerError(body.decode("utf-8", "replace"))
    try:
        return load(cls, _inflated(body) if mark == _COMPRESSED else body)
    except (EventError, zlib.error):
        raise AnswerError("The answer of the worker is damaged.") from None


def _inflated(body: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    data = unpacker.decompress(body, ANSWER_BYTES)
    if not unpacker.eof:
        raise zlib.error("too large, or cut")
    return data
