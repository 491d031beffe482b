"""ID3 tags by short ways through mutagen: for reading only, and with the same result.

The tests of `mutagen_tuning` compare them with mutagen's own on thousands of odd tags.
"""

from __future__ import annotations

import codecs
import contextlib
import itertools
import os
import re
import struct
from collections.abc import Callable
from typing import Any, BinaryIO

import mutagen.id3._id3v1
import mutagen.id3._specs
from mutagen._util import DictProxy
from mutagen.id3 import (
    APIC,
    COMM,
    ID3,
    TDRC,
    TXXX,
    Frames,
    Frames_2_2,
    ID3NoHeaderError,
    TextFrame,
    TimeStampTextFrame,
)
from mutagen.id3._util import ID3JunkFrameError, ID3UnsupportedVersionError, unsynch

# mutagen's annotations stop short of these.
_id3v1: Any = mutagen.id3._id3v1
_specs: Any = mutagen.id3._specs

#: ID3 frames worth parsing: text, comments, lyrics, pictures, ids and volumes.
KNOWN_FRAMES = {
    name: frame
    for name, frame in Frames.items()
    if name in ("COMM", "USLT", "SYLT", "APIC", "UFID", "RVA2")
    or (name.startswith("T") and name not in ("TIPL", "TMCL"))
}


def _frame_types() -> dict[bytes, type[Any]]:
    types = {name.encode(): frame for name, frame in KNOWN_FRAMES.items()}
    for name, frame in Frames_2_2.items():  # some write these into 2.3 tags, with a NUL behind
        known = KNOWN_FRAMES.get(getattr(frame.__base__, "__name__", ""))
        if known is not None:
            types[name.encode() + b"\0"] = known
    return types


_put: Callable[[Any, str, Any], None] = DictProxy.__setitem__
_FRAME_TYPES = _frame_types()
FRAME_NAMES = frozenset(name.encode() for name in Frames)
#: Frames that are an encoding, for TXXX a description, and text.
_TEXT_TYPES = frozenset(
    frame
    for frame in KNOWN_FRAMES.values()
    if issubclass(frame, TextFrame) and not issubclass(frame, (TimeStampTextFrame, COMM))
)
#: Frames of one text that is a date.
_DATE_TYPES = frozenset(
    frame for frame in KNOWN_FRAMES.values() if issubclass(frame, TimeStampTextFrame)
)
#: Dates that mutagen would take apart only to put them together again; a year alone, mostly.
PLAIN_DATE = re.compile(r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?")
#: Frames of ID3v2.3 that become others.
OLD_FRAMES = frozenset({"TYER", "TDAT", "TIME", "TORY"})
#: Those of which a tag has one, under their own name.
_SINGLE_TYPES = (_TEXT_TYPES | _DATE_TYPES) - {TXXX}
_ENCODINGS = {
    int(encoding): (encoding, codec)
    for encoding, (codec, _) in _specs.EncodedTextSpec._encodings.items()
}
#: What ID3v2.3 has for a year, and mutagen takes for one; day and month are beside it.
_OLD_YEAR = re.compile(r"([0-9]{4})(?:-[0-9]{2}-[0-9]{2})?\Z")
_OLD_DAY = re.compile(r"([0-9]{2})([0-9]{2})\Z")
_BYTE_ORDERS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_FRAME_HEADER = struct.Struct(">4sLH")
#: Pictures' types of ID3v2.2, whose frames mutagen makes anew.
OLD_MIMES = ("PNG", "JPG")
#: Bytes at the end of a file in which mutagen looks for an ID3v1 tag.
V1_BYTES = 131
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
            for frame in find_v1(fileobj, self.version[1]):
                if not self.getall(frame.HashKey):
                    self.add(frame)
        self.update_to_v24()

    def update_to_v24(self) -> None:
        """What mutagen's does; most tags have but genres to be named and a date to be moved."""
        old = OLD_FRAMES & self.keys()
        if old - {"TYER", "TDAT"} or any(p.mime in OLD_MIMES for p in self.getall("APIC")):
            super().update_to_v24()
            return
        if "TCON" in self.keys():
            self["TCON"].genres = self["TCON"].genres
        years, days = (self.pop(name).text if name in old else () for name in ("TYER", "TDAT"))
        dates = [date_of_old(*pair) for pair in itertools.zip_longest(years, days, fillvalue="")]
        if any(dates) and "TDRC" not in self.keys():
            known = [date for date in dates if date]
            _put(self, "TDRC", _frame(TDRC, {"encoding": _ENCODINGS[0][0], "text": known}))

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
            position = start + (synchsafe(size) if is_synchsafe else size)
            frame_type = _FRAME_TYPES.get(name)
            if frame_type is None or position == start:
                continue
            try:
                frame = _parse_frame(frame_type, header, flags, data, start, position)
            except (NotImplementedError, ID3JunkFrameError):
                continue
            key = frame.HashKey if frame_type not in _SINGLE_TYPES else frame_type.__name__
            if key in taken:
                self._add(frame, False)  # joins the values of both
            else:
                _put(self, key, frame)
        return data[position:]


def find_v1(file: BinaryIO, major: int) -> list[Any]:
    """The frames of ID3v2.`major` that stand for an ID3v1 tag at the end of `file`; [] for none."""
    frames, _ = _id3v1.find_id3v1(file, 4 if major == 4 else 3)
    return list((frames or {}).values())


def date_of_old(year: str, day: str) -> str:
    """The date of ID3v2.4 for TYER and TDAT, "" for no year."""
    known_year, known_day = _OLD_YEAR.match(year), _OLD_DAY.match(day)
    if known_year and known_day:
        return f"{known_year[1]}-{known_day[2]}-{known_day[1]}"
    return known_year[0] if known_year else ""


def _may_end_with_v1(file: BinaryIO) -> bool:
    """Whether a look at the end of the file, past its buffer, could find an ID3v1 tag."""
    try:
        fd = file.fileno()
        return b"TAG" in os.pread(fd, V1_BYTES, max(os.fstat(fd).st_size - V1_BYTES, 0))
    except (OSError, AttributeError):  # no file of the system's: let mutagen look
        return True


def synchsafe(size: int) -> int:
    """The number that has seven bits in each of the four bytes of `size`."""
    return size & 0x7F | size >> 1 & 0x3F80 | size >> 2 & 0x1FC000 | size >> 3 & 0xFE00000


def has_synchsafe_sizes(data: bytes) -> bool:
    """Whether frame sizes of ID3v2.4 are written as they should be, which iTunes did not.

    The same count as mutagen's: frames of known names, and how far past the end either leads.
    """
    safe, safe_past = _count_frames(data, synchsafe)
    plain, plain_past = _count_frames(data, int)
    return not (plain > safe or (plain == safe and safe_past >= 1 and plain_past <= 1))


def _count_frames(data: bytes, size_of: Callable[[int], int]) -> tuple[int, int]:
    position, known, end = 0, 0, len(data) - 10
    while position < end:
        name, size, flags = _FRAME_HEADER.unpack_from(data, position)
        if not size and not flags and name == b"\0\0\0\0":
            return known, -((len(data) - position) % 10)
        position += 10 + size_of(size)
        known += name in FRAME_NAMES
    return known, position - len(data)


def _parse_frame(
    frame_type: type[Any], header: Any, flags: int, tag: bytes, start: int, end: int
) -> Any:
    """The frame in `tag[start:end]`: by the short way if it is one text, of a picture the head."""
    end = min(end, len(tag))
    is_plain = not flags and not header.f_unsynch
    if is_plain and frame_type is APIC and end - start > _PICTURE_HEAD_BYTES:
        frame = frame_type._fromData(header, 0, tag[start : start + _PICTURE_HEAD_BYTES])
        if frame.data and frame.mime not in OLD_MIMES:
            vars(frame)["left_out_bytes"] = end - start - _PICTURE_HEAD_BYTES
            return frame
    data = tag[start:end]
    if is_plain and (frame_type in _TEXT_TYPES or frame_type in _DATE_TYPES):
        frame = _parse_text(frame_type, header, data)
        if frame is not None:
            return frame
    return frame_type._fromData(header, flags, data)


def _parse_text(frame_type: type[Any], header: Any, data: bytes) -> Any:
    """A text frame that holds one value; None when it holds anything else."""
    if not data or data[0] not in _ENCODINGS:
        return None
    encoding, codec = _ENCODINGS[data[0]]
    values = {"encoding": encoding}
    texts = _texts(data, codec, 2 if frame_type is TXXX else 1)
    if texts is None:
        return None
    *description, text, padding = texts
    # Before 2.4 zeros at the end are padding, from there on they are empty values.
    if not text or (padding.strip("\0") if header.version < header._V24 else padding):
        return None
    if frame_type in _DATE_TYPES and not PLAIN_DATE.fullmatch(text):
        return None
    if description:
        values["desc"] = description[0]
    values["text"] = [text]
    return _frame(frame_type, values)


def _texts(data: bytes, codec: str, count: int) -> list[str] | None:
    """`count` texts after the encoding, and what is behind the NUL after them.

    None for what has to be read by mutagen, because it is broken or rare.
    """
    wide = codec == "utf16"
    if wide and not data.startswith(_BYTE_ORDERS, 1):
        return None
    try:
        texts = data[1:].decode(codec).split("\0", count)
    except ValueError:
        return None
    if len(texts) < count:
        return None
    if wide and count == 2:  # the second one has a byte order mark of its own
        if not texts[1].startswith("\ufeff"):
            return None
        texts[1] = texts[1][1:]
    return texts if len(texts) > count else [*texts, ""]


def _frame(frame_type: type[Any], values: dict[str, Any]) -> Any:
    """A frame of values that need no checking."""
    frame: Any = object.__new__(frame_type)
    vars(frame).update(values)
    return frame
