"""What is changed of mutagen: bounds it lacks, and work it does that nobody reads.

All of it is here, and the tests of this module fail when mutagen moves what it stands on, or
when a file reads differently with and without it.
"""

from __future__ import annotations

import codecs
import contextlib
import functools
import os
import struct
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, ClassVar

import mutagen._util
import mutagen._vorbis
import mutagen.id3._frames
import mutagen.id3._id3v1
import mutagen.id3._specs
from mutagen._util import DictProxy
from mutagen.flac import FLAC, MetadataBlock, Picture
from mutagen.id3 import (
    APIC,
    COMM,
    ID3,
    TXXX,
    Frames,
    Frames_2_2,
    ID3NoHeaderError,
    TextFrame,
    TimeStampTextFrame,
)
from mutagen.id3._util import ID3JunkFrameError, ID3UnsupportedVersionError, unsynch
from mutagen.mp4 import MP4, MP4Tags

# mutagen's annotations stop short of these.
_frames: Any = mutagen.id3._frames
_id3v1: Any = mutagen.id3._id3v1
_specs: Any = mutagen.id3._specs
_vorbis: Any = mutagen._vorbis
#: Keys are the same few in every file, and checked letter by letter.
_is_valid_vorbis_key = functools.lru_cache(maxsize=1024)(_vorbis.is_valid_key)

#: Bytes that one compressed ID3 frame may unpack to.
MAX_FRAME_BYTES = 32 << 20

#: ID3 frames worth parsing: text, comments, lyrics, pictures, ids and volumes.
KNOWN_FRAMES = {
    name: frame
    for name, frame in Frames.items()
    if name in ("COMM", "USLT", "SYLT", "APIC", "UFID", "RVA2")
    or (name.startswith("T") and name not in ("TIPL", "TMCL"))
}


def install() -> None:
    """Put the changes in place for this process; once is enough, twice does no harm."""
    _frames.zlib = CappedZlib
    _specs.decode_terminated = decode_terminated
    _vorbis.is_valid_key = _is_valid_vorbis_key


def remove() -> None:
    """Mutagen as it comes, to compare with."""
    _frames.zlib = zlib
    _specs.decode_terminated = mutagen._util.decode_terminated
    _vorbis.is_valid_key = _is_valid_vorbis_key.__wrapped__


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


#: The encodings of ID3 of two bytes, as mutagen spells them.
_WIDE = frozenset({"utf16", "utf_16_be"})


def _text_start(data: bytes) -> int:
    """Where the text begins behind its byte order mark.  Raises UnicodeError without one."""
    if data and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UnicodeError("UTF-16 text does not start with a byte order mark")
    return len(codecs.BOM_UTF16)


def _frame_types() -> dict[bytes, type[Any]]:
    types = {name.encode(): frame for name, frame in KNOWN_FRAMES.items()}
    for name, frame in Frames_2_2.items():  # some write these into 2.3 tags, with a NUL behind
        known = KNOWN_FRAMES.get(getattr(frame.__base__, "__name__", ""))
        if known is not None:
            types[name.encode() + b"\0"] = known
    return types


_put: Callable[[Any, str, Any], None] = DictProxy.__setitem__
_FRAME_TYPES = _frame_types()
_FRAME_NAMES = frozenset(name.encode() for name in Frames)
#: Frames that are an encoding, for TXXX a description, and text.
_TEXT_TYPES = frozenset(
    frame
    for frame in KNOWN_FRAMES.values()
    if issubclass(frame, TextFrame) and not issubclass(frame, (TimeStampTextFrame, COMM))
)
#: Frames of ID3v2.3 that become others.
_OLD_FRAMES = frozenset({"TYER", "TDAT", "TIME", "TORY"})
#: Those of which a tag has one, under their own name.
_SINGLE_TYPES = _TEXT_TYPES - {TXXX}
_ENCODINGS = {
    int(encoding): (encoding, codec)
    for encoding, (codec, _) in _specs.EncodedTextSpec._encodings.items()
}
_FRAME_HEADER = struct.Struct(">4sLH")
#: Bytes at the end of a file in which mutagen looks for an ID3v1 tag.
_V1_BYTES = 131
#: Bytes of a picture frame that are parsed: all but the picture.
_PICTURE_HEAD_BYTES = 4096


_ID3: Any = ID3


class FastID3(_ID3):  # type: ignore[misc] # ID3 is not annotated
    """ID3 tags that parse what Needle uses, copy no pictures, and skip an ID3v1 tag at the end
    of the file when it could add nothing.  For reading only."""

    def load(self, fileobj: BinaryIO) -> None:
        try:
            super().load(fileobj, translate=False, load_v1=False)
        except (ID3NoHeaderError, ID3UnsupportedVersionError):
            fileobj.seek(0)
            super().load(fileobj)
            return
        if not self._covers_v1() and _may_end_with_v1(fileobj):
            frames, _ = _id3v1.find_id3v1(fileobj, 4 if self.version[1] == 4 else 3)
            for frame in (frames or {}).values():
                if not self.getall(frame.HashKey):
                    self.add(frame)
        self.update_to_v24()

    def update_to_v24(self) -> None:
        """What mutagen's does; a tag without old frames has only its genres to be named."""
        if not _OLD_FRAMES.isdisjoint(self.keys()):
            super().update_to_v24()
        elif "TCON" in self.keys():
            self["TCON"].genres = self["TCON"].genres

    def getall(self, key: str) -> list[Any]:
        """What mutagen's gives, without a list of all frames made on the way."""
        if key in self:
            return [self[key]]
        return [self[name] for name in self.keys() if name.startswith(key + ":")]

    def _covers_v1(self) -> bool:
        year = "TDRC" if self.version[1] == 4 else "TYER"
        return all(key in self for key in ("TIT2", "TPE1", "TALB", "TRCK", "TCON", year)) and any(
            key.startswith("COMM::") for key in self
        )

    def _read(self, header: Any, data: bytes) -> bytes:
        if header.version < header._V23:
            return bytes(super()._read(header, data))
        if header.version < header._V24 and header.f_unsynch:
            with contextlib.suppress(ValueError):
                data = unsynch.decode(data)
        is_synchsafe = header.version >= header._V24 and has_synchsafe_sizes(data)
        position, end = 0, len(data) - _FRAME_HEADER.size
        taken = self.keys()
        while position <= end:
            name, size, flags = _FRAME_HEADER.unpack_from(data, position)
            if name == b"\0\0\0\0":
                break
            start = position + _FRAME_HEADER.size
            position = start + (_synchsafe(size) if is_synchsafe else size)
            frame_type = _FRAME_TYPES.get(name)
            if frame_type is None or position == start:
                continue
            try:
                frame = _parse_frame(frame_type, header, flags, data[start:position])
            except (NotImplementedError, ID3JunkFrameError):
                continue
            key = frame.HashKey if frame_type not in _SINGLE_TYPES else frame_type.__name__
            if key in taken:
                self._add(frame, False)  # joins the values of both
            else:
                _put(self, key, frame)
        return data[position:]


def _may_end_with_v1(file: BinaryIO) -> bool:
    """Whether a look at the end of the file, past its buffer, could find an ID3v1 tag."""
    try:
        fd = file.fileno()
        return b"TAG" in os.pread(fd, _V1_BYTES, max(os.fstat(fd).st_size - _V1_BYTES, 0))
    except (OSError, AttributeError):  # no file of the system's: let mutagen look
        return True


def _synchsafe(size: int) -> int:
    """Seven bits of each of four bytes."""
    return size & 0x7F | size >> 1 & 0x3F80 | size >> 2 & 0x1FC000 | size >> 3 & 0xFE00000


def has_synchsafe_sizes(data: bytes) -> bool:
    """Whether frame sizes of ID3v2.4 are written as they should be, which iTunes did not.

    The same count as mutagen's: frames of known names, and how far past the end either leads.
    """
    safe, safe_past = _count_frames(data, _synchsafe)
    plain, plain_past = _count_frames(data, int)
    return not (plain > safe or (plain == safe and safe_past >= 1 and plain_past <= 1))


def _count_frames(data: bytes, size_of: Callable[[int], int]) -> tuple[int, int]:
    position, known, end = 0, 0, len(data) - 10
    while position < end:
        name, size, flags = _FRAME_HEADER.unpack_from(data, position)
        if not size and not flags and name == b"\0\0\0\0":
            return known, -((len(data) - position) % 10)
        position += 10 + size_of(size)
        known += name in _FRAME_NAMES
    return known, position - len(data)


def _parse_frame(frame_type: type[Any], header: Any, flags: int, data: bytes) -> Any:
    """One frame, by the short way when it is one text; of a picture only the head."""
    if not flags and not header.f_unsynch:
        if frame_type in _TEXT_TYPES:
            frame = _parse_text(frame_type, header, data)
            if frame is not None:
                return frame
        elif frame_type is APIC and len(data) > _PICTURE_HEAD_BYTES:
            frame = frame_type._fromData(header, 0, data[:_PICTURE_HEAD_BYTES])
            if frame.data and frame.mime not in ("PNG", "JPG"):  # these mutagen makes anew
                vars(frame)["left_out_bytes"] = len(data) - _PICTURE_HEAD_BYTES
                return frame
    return frame_type._fromData(header, flags, data)


def _parse_text(frame_type: type[Any], header: Any, data: bytes) -> Any:
    """A text frame that holds one value; None when it holds anything else."""
    if not data or data[0] not in _ENCODINGS:
        return None
    encoding, codec = _ENCODINGS[data[0]]
    values = {"encoding": encoding}
    rest = data[1:]
    # Before 2.4 zeros at the end are padding, from there on they are empty values.
    padding = b"\0" if header.version < header._V24 else b""
    try:
        if frame_type is TXXX:
            values["desc"], rest = decode_terminated(rest, codec)
        if not rest.strip(padding):
            return None
        text, rest = decode_terminated(rest, codec, strict=False)
    except ValueError:
        return None
    if rest.strip(padding):
        return None
    frame: Any = object.__new__(frame_type)
    vars(frame).update(values, text=[text])
    return frame


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
    """A FLAC file whose pictures, seek points and cue sheets are passed over."""

    METADATA_BLOCKS: ClassVar[list[Any]] = [
        FLAC.METADATA_BLOCKS[0],
        *(_Unread, _Unread, _Unread),  # padding, application data, seek points
        FLAC.METADATA_BLOCKS[4],
        _Unread,  # cue sheet
        _PictureHead,
    ]


_MP4Tags: Any = MP4Tags


class FastMP4Tags(_MP4Tags):  # type: ignore[misc] # likewise
    """MP4 tags that are not written out on trial whenever one is read.  For reading only."""

    __setitem__ = DictProxy.__setitem__


_MP4: Any = MP4


class FastMP4(_MP4):  # type: ignore[misc] # likewise
    """An MP4 file with `FastMP4Tags`."""

    MP4Tags = FastMP4Tags
