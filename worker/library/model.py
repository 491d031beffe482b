"""What is known of a file on disk and of the music in it.  All text is clean: see `clean.py`.

What there is of every file is a named tuple: made in a third of the time of a frozen dataclass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from wire.outcomes import Outcome

#: What a duration is cut to: headers say anything.
MAX_DURATION_SECONDS = 7 * 24 * 3600.0


class Signature(NamedTuple):
    """What tells that a file has changed: compare with `!=`, never with `>`."""

    size: int  #: bytes
    mtime_ns: int
    ctime_ns: int


class FoundFile(NamedTuple):
    """A regular file with the name of an audio file."""

    path: bytes  #: relative to the root
    signature: Signature


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder of the library and the audio files directly in it.

    `digest` covers names and signatures of its files: the same digest means nothing changed, and
    then nobody asks for `files`, which are put together only when they are.
    """

    path: bytes  #: relative to the root, b"" for the root itself
    names: tuple[bytes, ...]  #: of its files, sorted
    signatures: tuple[tuple[int, int, int], ...]  #: in the same order, see `Signature`
    digest: bytes  #: 16 bytes
    other_files: int = 0  #: regular files that are no audio

    @property
    def files(self) -> tuple[FoundFile, ...]:
        """The files, sorted by name."""
        prefix = self.path + b"/" if self.path else b""
        return tuple(
            FoundFile(prefix + name, Signature(*signature))
            for name, signature in zip(self.names, self.signatures, strict=True)
        )


@dataclass(frozen=True, slots=True)
class FolderError:
    """A folder that could not be listed: nothing below it is known in this scan."""

    path: bytes
    error_class: str
    message: str


class Audio(NamedTuple):
    """The stream in a file; None where the format does not say."""

    format: str  #: container as people name it: mp3, flac, ogg, opus, m4a, wav, aiff, wma, …
    codec: str  #: mp3, flac, vorbis, opus, aac, alac, pcm, wmav2, wavpack, ape, musepack, …
    duration_seconds: float | None = None
    bitrate_bps: int | None = None
    sample_rate_hz: int | None = None
    channels: int | None = None
    bit_depth: int | None = None


class Tags(NamedTuple):
    """The tags of one track, the same for every format."""

    title: str | None = None
    artists: tuple[str, ...] = ()
    album: str | None = None
    album_artists: tuple[str, ...] = ()
    genres: tuple[str, ...] = ()
    composers: tuple[str, ...] = ()
    track_number: int | None = None
    track_total: int | None = None
    disc_number: int | None = None
    disc_total: int | None = None
    date: str | None = None  #: YYYY, YYYY-MM or YYYY-MM-DD
    original_date: str | None = None  #: likewise
    compilation: bool = False
    title_sort: str | None = None
    album_sort: str | None = None
    artist_sorts: tuple[str, ...] = ()  #: in the order of `artists`
    album_artist_sorts: tuple[str, ...] = ()  #: in the order of `album_artists`
    label: str | None = None
    catalog_number: str | None = None
    barcode: str | None = None
    comment: str | None = None
    has_lyrics: bool = False
    bpm: float | None = None
    key: str | None = None
    isrcs: tuple[str, ...] = ()
    encoder: str | None = None
    mb_recording_id: str | None = None
    mb_track_id: str | None = None
    mb_release_id: str | None = None
    mb_release_group_id: str | None = None
    mb_artist_ids: tuple[str, ...] = ()  #: in the order of `artists`
    mb_album_artist_ids: tuple[str, ...] = ()  #: in the order of `album_artists`
    acoustid_id: str | None = None
    replaygain_track_gain_db: float | None = None
    replaygain_track_peak: float | None = None
    replaygain_album_gain_db: float | None = None
    replaygain_album_peak: float | None = None
    cover_count: int = 0
    cover_kinds: tuple[str, ...] = ()  #: front, back, other, …
    cover_bytes: int = 0  #: of all pictures together


class FileResult(NamedTuple):
    """What reading one file gave.  `outcome` None: read; the catalog tells new from updated."""

    path: bytes  #: relative to the root
    signature: Signature  #: as it was when the file was read
    outcome: Outcome | None = None
    error_class: str = ""
    message: str = ""
    tags: Tags | None = None
    audio: Audio | None = None
    flags: tuple[str, ...] = ()  #: duration_clamped, text_cut, …
