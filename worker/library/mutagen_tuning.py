"""What is changed of mutagen: bounds it lacks, and work it does that nobody reads.

All of it is here, in `fast_id3` and in `mpeg`.  The tests of this module fail when mutagen moves
what it stands on, or when a file reads differently with and without it.
"""

from __future__ import annotations

import codecs
import functools
import struct
import zlib
from typing import Any, ClassVar

import mutagen._util
import mutagen._vorbis
import mutagen.aiff
import mutagen.id3._frames
import mutagen.id3._specs
import mutagen.wave
from mutagen._util import DictProxy
from mutagen.flac import FLAC, MetadataBlock, Picture
from mutagen.mp4 import MP4, MP4Tags

from worker.library import mpeg
from worker.library.fast_id3 import FastID3

# mutagen's annotations stop short of these.
_wave: Any = mutagen.wave
_aiff: Any = mutagen.aiff
_WaveID3: Any = _wave._WaveID3
_AiffID3: Any = _aiff._IFFID3
_frames: Any = mutagen.id3._frames
_specs: Any = mutagen.id3._specs
_vorbis: Any = mutagen._vorbis
_is_valid_key: Any = _vorbis.is_valid_key
_is_valid_short_key = functools.lru_cache(maxsize=1024)(_is_valid_key)
#: Characters of a key that is remembered.
MAX_KEY_CHARS = 64

#: Bytes that one compressed ID3 frame may unpack to.
MAX_FRAME_BYTES = 32 << 20


def install() -> None:
    """Put the changes in place for this process; once is enough, twice does no harm."""
    _frames.zlib = CappedZlib
    _specs.decode_terminated = decode_terminated
    _vorbis.is_valid_key = _is_valid_vorbis_key
    mpeg.install()
    _wave._WaveID3, _aiff._IFFID3 = FastWaveID3, FastAiffID3


def remove() -> None:
    """Mutagen as it comes, to compare with."""
    _frames.zlib = zlib
    _specs.decode_terminated = mutagen._util.decode_terminated
    _vorbis.is_valid_key = _is_valid_key
    mpeg.remove()
    _wave._WaveID3, _aiff._IFFID3 = _WaveID3, _AiffID3


def _is_valid_vorbis_key(key: str) -> bool:
    """What mutagen's says; keys are the same few in every file, and checked letter by letter."""
    check = _is_valid_short_key if len(key) <= MAX_KEY_CHARS else _is_valid_key
    return bool(check(key))


class CappedZlib:
    """Stands in for `zlib` in mutagen's ID3 frames: 1 MB may hold gigabytes of zeros."""

    error = zlib.error
    compress = staticmethod(zlib.compress)

    @staticmethod
    def decompress(data: bytes) -> bytes:
        """Like zlib's.  Raises `error` too when the result would be over the cap."""
        inflater = zlib.decompressobj()
        unpacked = inflater.decompress(data, MAX_FRAME_BYTES)
        if inflater.unconsumed_tail:
            raise zlib.error("decompressed size over the cap")
        if not inflater.eof:
            raise zlib.error("incomplete or truncated stream")
        return unpacked


def decode_terminated(data: bytes, encoding: str, strict: bool = True) -> tuple[str, bytes]:
    """What mutagen's does, with UTF-16 decoded at once instead of byte by byte.

    Returns the text before the first NUL and the bytes after it.  Raises ValueError.
    """
    if encoding not in _WIDE:
        index = data.find(b"\0")
        if index >= 0:
            return data[:index].decode(encoding), data[index + 1 :]
        text = data.decode(encoding)
    else:
        start = _text_start(data) if encoding == "utf16" else 0
        index = data.find(b"\0\0", start)
        while index >= 0 and (index - start) % 2:
            index = data.find(b"\0\0", index + 1)
        if index >= 0:
            return data[:index].decode(encoding), data[index + 2 :]
        text = data.decode(encoding)
    if strict:
        raise ValueError("not null terminated")
    return text, b""


_BYTE_ORDERS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
#: The encodings of ID3 of two bytes, as mutagen spells them.
_WIDE = frozenset({"utf16", "utf_16_be"})


def _text_start(data: bytes) -> int:
    """Where the text begins behind its byte order mark.  Raises UnicodeError without one."""
    if data and not data.startswith(_BYTE_ORDERS):
        raise UnicodeError("UTF-16 text does not start with a byte order mark")
    return len(codecs.BOM_UTF16)


class _Unread(MetadataBlock):
    """A FLAC block whose contents nobody asks for."""

    def load(self, data: Any) -> None:
        pass


class _PictureHead(Picture):
    """A FLAC picture without its data, whose length is kept."""

    left_out_bytes = 0

    def load(self, data: Any) -> None:
        self.type, length = struct.unpack(">2I", data.read(8))
        data.seek(length, 1)
        (length,) = struct.unpack(">I", data.read(4))
        data.seek(length + 16, 1)
        (self.left_out_bytes,) = struct.unpack(">I", data.read(4))
        if self.left_out_bytes:
            data.seek(self.left_out_bytes - 1, 1)
            data.read(1)  # raises when the file ends before


_FLAC: Any = FLAC


class FastFLAC(_FLAC):  # type: ignore[misc] # likewise
    """A FLAC file whose pictures and seek points are passed over."""

    METADATA_BLOCKS: ClassVar[list[Any]] = [
        FLAC.METADATA_BLOCKS[0],
        *(_Unread, _Unread, _Unread),  # padding, application data, seek points
        *FLAC.METADATA_BLOCKS[4:6],  # comments; a cue sheet, whose faults are the file's
        _PictureHead,
    ]


_MP4Tags: Any = MP4Tags


class FastMP4Tags(_MP4Tags):  # type: ignore[misc] # likewise
    """MP4 tags that are not written out on trial whenever one is read.  For reading only."""

    __setitem__ = DictProxy.__setitem__


class FastWaveID3(FastID3, _WaveID3):  # type: ignore[misc] # likewise
    """The ID3 tags in a chunk of a WAV file."""


class FastAiffID3(FastID3, _AiffID3):  # type: ignore[misc] # likewise
    """The ID3 tags in a chunk of an AIFF file."""


_MP4: Any = MP4


class FastMP4(_MP4):  # type: ignore[misc] # likewise
    """An MP4 file with `FastMP4Tags`."""

    MP4Tags = FastMP4Tags
