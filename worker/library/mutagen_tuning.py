"""What is changed of mutagen: bounds it lacks, and work it does that nobody reads.

All of it is here, and the tests of this module fail when mutagen moves what it stands on, or
when a file reads differently with and without it.
"""

from __future__ import annotations

import codecs
import contextlib
import struct
import zlib
from typing import Any, BinaryIO, ClassVar

import mutagen.id3._frames
import mutagen.id3._id3v1
import mutagen.id3._specs
import mutagen.id3._tags
from mutagen.flac import FLAC, MetadataBlock, Picture
from mutagen.id3 import ID3, Frames, Frames_2_2, ID3NoHeaderError
from mutagen.id3._util import ID3JunkFrameError, ID3UnsupportedVersionError, unsynch

# mutagen's annotations stop short of these.
_frames: Any = mutagen.id3._frames
_id3v1: Any = mutagen.id3._id3v1
_specs: Any = mutagen.id3._specs
_tags: Any = mutagen.id3._tags

#: Bytes that one compressed ID3 frame may unpack to.
MAX_FRAME_BYTES = 32 << 20

_UNUSED_FRAMES = frozenset(
    {"AENC", "ASPI", "CHAP", "COMR", "CTOC", "ENCR", "EQU2", "ETCO", "GEOB", "GRID", "IPLS"}
    | {"LINK", "MCDI", "MLLT", "OWNE", "PCNT", "POPM", "POSS", "PRIV", "RBUF", "RVRB", "SEEK"}
    | {"SIGN", "SYTC", "TIPL", "TMCL", "USER", "EQUA", "RVAD", "GRP1", "MVNM", "MVIN", "PCST"}
)
#: ID3 frames worth parsing: text, comments, lyrics, pictures, ids and volumes.
KNOWN_FRAMES = {
    name: frame
    for name, frame in Frames.items()
    if name not in _UNUSED_FRAMES and (not name.startswith("W") or name == "WXXX")
}


def install() -> None:
    """Put the changes in place for this process; once is enough, twice does no harm."""
    _frames.zlib = CappedZlib
    _specs.decode_terminated = decode_terminated


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
    width, start, codec = 1, 0, codecs.lookup(encoding).name
    if codec.startswith("utf-16"):
        width = 2
        if codec == "utf-16":
            start, codec = 2, _utf16_codec(data)
    terminator = b"\0" * width
    end = data.find(terminator, start)
    while width == 2 and end >= 0 and (end - start) % 2:
        end = data.find(terminator, end + 1)
    if end >= 0:
        return data[start:end].decode(codec), data[end + width :]
    text = data[start:].decode(codec)
    if strict:
        raise ValueError("not null terminated")
    return text, b""


def _utf16_codec(data: bytes) -> str:
    """The byte order that `data` begins with; no data is an empty text in any."""
    if data.startswith(codecs.BOM_UTF16_LE) or not data:
        return "utf-16-le"
    if data.startswith(codecs.BOM_UTF16_BE):
        return "utf-16-be"
    raise UnicodeError("UTF-16 text does not start with a byte order mark")


def _frame_types() -> dict[bytes, type[Any]]:
    types = {name.encode(): frame for name, frame in KNOWN_FRAMES.items()}
    for name, frame in Frames_2_2.items():  # some write these into 2.3 tags, with a NUL behind
        known = KNOWN_FRAMES.get(getattr(frame.__base__, "__name__", ""))
        if known is not None:
            types[name.encode() + b"\0"] = known
    return types


_FRAME_TYPES = _frame_types()
_FRAME_HEADER = struct.Struct(">4sLH")
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
        if not self._covers_v1():
            frames, _ = _id3v1.find_id3v1(fileobj, 4 if self.version[1] == 4 else 3)
            for frame in (frames or {}).values():
                if not self.getall(frame.HashKey):
                    self.add(frame)
        self.update_to_v24()

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
        size_of = int if header.version < header._V24 else _tags.determine_bpi(data, Frames)
        position, end = 0, len(data) - _FRAME_HEADER.size
        while position <= end:
            name, size, flags = _FRAME_HEADER.unpack_from(data, position)
            if not name.strip(b"\0"):
                break
            start = position + _FRAME_HEADER.size
            position = start + size_of(size)
            if name in _FRAME_TYPES and position > start:
                with contextlib.suppress(NotImplementedError, ID3JunkFrameError):
                    self._add(_parse_frame(header, name, flags, data[start:position]), False)
        return data[position:]


def _parse_frame(header: Any, name: bytes, flags: int, data: bytes) -> Any:
    """One frame; of a picture only the head, with the bytes left out in `left_out_bytes`."""
    frame_type = _FRAME_TYPES[name]
    if name == b"APIC" and len(data) > _PICTURE_HEAD_BYTES and not (flags or header.f_unsynch):
        frame = frame_type._fromData(header, 0, data[:_PICTURE_HEAD_BYTES])
        if frame.data and frame.mime not in ("PNG", "JPG"):  # these mutagen makes anew
            vars(frame)["left_out_bytes"] = len(data) - _PICTURE_HEAD_BYTES
            return frame
    return frame_type._fromData(header, flags, data)


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
