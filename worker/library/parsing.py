"""Choosing among mutagen's types by what a file begins with, then by its name, and trying.

Content comes first: a FLAC file called .mp3 is read as FLAC, and told to be mislabelled.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from mutagen.aac import AAC
from mutagen.ac3 import AC3
from mutagen.aiff import AIFF
from mutagen.apev2 import APEv2
from mutagen.asf import ASF
from mutagen.dsdiff import DSDIFF
from mutagen.dsf import DSF
from mutagen.id3 import ID3
from mutagen.monkeysaudio import MonkeysAudio
from mutagen.mp3 import MP3
from mutagen.musepack import Musepack
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggspeex import OggSpeex
from mutagen.oggtheora import OggTheora
from mutagen.oggvorbis import OggVorbis
from mutagen.optimfrog import OptimFROG
from mutagen.smf import SMF
from mutagen.tak import TAK
from mutagen.trueaudio import TrueAudio
from mutagen.wave import WAVE
from mutagen.wavpack import WavPack

from worker.library.errors import NotAudio, UnsupportedFormat
from worker.library.fast_id3 import FastID3
from worker.library.formats import Format
from worker.library.mutagen_tuning import FastFLAC, FastMP4

_READERS: dict[str, Callable[..., Any]] = {
    **{
        kind.__name__: kind
        for kind in (
            *(AAC, AC3, AIFF, ASF, DSDIFF, DSF, MonkeysAudio, Musepack, OggFLAC, OggOpus),
            *(OggSpeex, OggTheora, OggVorbis, OptimFROG, SMF, TAK, WAVE, WavPack),
        )
    },
    "FLAC": FastFLAC,
    "MP3": functools.partial(MP3, ID3=FastID3),
    "MP4": FastMP4,
    "TrueAudio": functools.partial(TrueAudio, ID3=FastID3),
}
_read_id3: Callable[[BinaryIO], Any] = FastID3
_read_whole_id3: Callable[[BinaryIO], Any] = ID3
_read_ape: Callable[[BinaryIO], Any] = APEv2
#: Formats without a place of their own for tags.
_BARE_STREAMS = frozenset({"MP3", "AAC", "AC3", "TrueAudio"})

#: What a file begins with, from which byte, and who reads it; None: an audio format nobody does.
_MAGIC: tuple[tuple[int, bytes, str | None], ...] = (
    (0, b"fLaC", "FLAC"),
    (4, b"ftyp", "MP4"),
    (8, b"WAVE", "WAVE"),
    (8, b"AIFF", "AIFF"),
    (8, b"AIFC", "AIFF"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "ASF"),
    (0, b"wvpk", "WavPack"),
    (0, b"MAC ", "MonkeysAudio"),
    (0, b"MPCK", "Musepack"),
    (0, b"MP+", "Musepack"),
    (0, b"TTA", "TrueAudio"),
    (0, b"OFR ", "OptimFROG"),
    (0, b"tBaK", "TAK"),
    (0, b"DSD ", "DSF"),
    (0, b"FRM8", "DSDIFF"),
    (0, b"MThd", "SMF"),
    (0, b"ADIF", "AAC"),
    (0, b"\x1a\x45\xdf\xa3", None),  # Matroska, WebM
    (0, b"RF64", None),
    (0, b"riff\x2e\x91\xcf\x11", None),  # Wave64
    (0, b"caff", None),
    (0, b".snd", None),
    (0, b"ajkg", None),  # Shorten
    (0, b"#!AMR", None),
    (0, b".ra\xfd", None),
    (0, b".RMF", None),
    (0, b"Creative Voice File", None),
    (0, b"Extended Module:", None),
    (0, b"IMPM", None),
)
OGG_MARKS = (
    (b"\x01vorbis", "OggVorbis"),
    (b"OpusHead", "OggOpus"),
    (b"\x7fFLAC", "OggFLAC"),
    (b"Speex   ", "OggSpeex"),
    (b"\x80theora", "OggTheora"),
)
HEAD_BYTES = 128


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file that one of mutagen's types could read."""

    reader: str  #: its name
    file: Any
    tags: Any  #: None when it has none


def parse(file: BinaryIO, form: Format | None) -> Parsed:
    """Read `file`, whose name promises `form`.

    Raises UnsupportedFormat, NotAudio, or whatever the likeliest type raised.
    """
    head = file.read(HEAD_BYTES)
    first_error: Exception | None = None
    for reader in dict.fromkeys(_candidates(head, form)):
        file.seek(0)
        try:
            parsed = _READERS[reader](file)
            tags = _tags_beside(reader, file) if parsed.tags is None else parsed.tags
            return Parsed(reader, parsed, tags)
        except Exception as error:  # parsers raise anything; the first one tells what is wrong
            first_error = first_error or error
    if _is_unsupported(head, form):
        named = form.key if form and form.reader is None else "this format"
        raise UnsupportedFormat(f"the tags of {named} are not read")
    if first_error is not None:
        raise first_error
    raise NotAudio("this is no audio file")


def parse_tags_alone(file: BinaryIO) -> Any:
    """All ID3 tags of a file without readable audio.  Raises what mutagen raises."""
    file.seek(0)
    return _read_whole_id3(file)


def _tags_beside(reader: str, file: BinaryIO) -> Any:
    """Tags at the head or the end of a bare stream, where mutagen's type does not look."""
    if reader not in _BARE_STREAMS:
        return None
    for read_tags in (_read_id3, _read_ape):
        file.seek(0)
        with contextlib.suppress(Exception):  # parsers raise anything; these tags are an extra
            return read_tags(file)
    return None


def _candidates(head: bytes, form: Format | None) -> Iterator[str]:
    if reader := _by_magic(head):
        yield reader
    if form is not None and form.reader:
        yield form.reader
    if head.startswith(b"ID3"):
        yield "MP3"
    elif head[:1] == b"\xff" and head[1:2] >= b"\xe0":
        is_layer_3 = head[1] & 6 == 2
        if is_layer_3 or form is None or form.reader is not None:  # .mp1 is what it says
            yield "AAC" if head[1] & 0xF6 == 0xF0 else "MP3"


def _by_magic(head: bytes) -> str | None:
    if head.startswith(b"OggS"):
        return next((reader for mark, reader in OGG_MARKS if mark in head), None)
    return next((r for at, mark, r in _MAGIC if head.startswith(mark, at)), None)


def _is_unsupported(head: bytes, form: Format | None) -> bool:
    if form is not None and form.reader is None:
        return True
    return any(r is None and head.startswith(mark, at) for at, mark, r in _MAGIC)
