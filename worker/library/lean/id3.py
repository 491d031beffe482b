"""ID3v2.3 and 2.4 tags, straight from their bytes to a `Source`.

What `fast_id3` and `sources` make of the same bytes, for tags without flags whose frames are what
nearly all programs write; see there for why each step is as it is.
"""

from __future__ import annotations

import functools
import io
import struct
from collections.abc import Callable
from typing import Any

from mutagen.id3 import TCON
from mutagen.id3._specs import ID3TimeStamp

from worker.library.fast_id3 import (
    FRAME_NAMES,
    OLD_FRAMES,
    OLD_MIMES,
    PLAIN_DATE,
    V1_BYTES,
    date_of_old,
    find_v1,
    synchsafe,
)
from worker.library.lean.window import Odd, Window
from worker.library.sources import Source, comment_order, is_program_comment, picture_kind
from worker.library.tagmap import PLACES

_HEADER_BYTES = 10
_unpack_header = struct.Struct(">4sLH").unpack_from
_CODECS = {0: "latin-1", 1: "utf-16", 3: "utf-8"}
_BYTE_ORDERS = (b"\xff\xfe", b"\xfe\xff")
_MARK = "\ufeff"
#: Bytes of a picture frame that are looked at: all but the picture.
_PICTURE_HEAD_BYTES = 512
_OLD_MIMES = tuple(mime.encode() for mime in OLD_MIMES)
#: What is longer is no description that is read, and is not worth remembering.
_LONGEST_NAME = max(map(len, PLACES["id3"])) - len("TXXX:")
#: Characters of genres, and of a date, that mutagen is asked about here.
_MAX_GENRES_CHARS, _MAX_DATE_CHARS = 1024, 64
_make_genres: Callable[..., Any] = TCON
_make_date: Callable[[str], Any] = ID3TimeStamp


def read(window: Window) -> tuple[Source, int]:
    """The tags at the beginning of a file, and where they end.  Raises Odd, and others."""
    major, revision, flags = window.head[3:6]
    safe = window.head[6:_HEADER_BYTES]
    if major not in (3, 4) or revision or flags or max(safe) > 0x7F:
        raise Odd("a rare kind of tag")
    end = _HEADER_BYTES + synchsafe(int.from_bytes(safe, "big"))
    if end > window.size:
        raise Odd("a tag that is cut off")
    tag = _Tag(major, window.size)
    _read_frames(window, end, tag)
    return tag.source(window), end


def _read_frames(window: Window, end: int, tag: _Tag) -> None:
    head = window.head  # holds most tags, or all of them but a picture
    position, is_safe = _HEADER_BYTES, tag.major == 4
    known, fork = 0, None
    while position <= end - _HEADER_BYTES:
        start = position + _HEADER_BYTES
        if start <= len(head):
            name, size, flags = _unpack_header(head, position)
        else:
            name, size, flags = _unpack_header(window.at(position, _HEADER_BYTES))
        if name == b"\0\0\0\0":
            if size or flags:
                raise Odd("padding that is none")
            break
        if flags or not name.isalnum():
            raise Odd("a rare frame")
        if is_safe and size > 0x7F:
            if fork is None:
                fork = position, known
            size = synchsafe(size)
        position = start + size
        known += name in FRAME_NAMES and start < end
        if position > end:
            raise Odd("a frame that is cut off")
        if size and name == b"APIC":
            tag.pictures.append(_picture(window.at(start, min(size, _PICTURE_HEAD_BYTES)), size))
        elif size and (add := _ADD.get(name)):
            data = head[start:position] if position <= len(head) else window.at(start, size)
            add(tag, name, data)
    if fork is not None:
        _check_sizes(window, end, fork, known)


def _check_sizes(window: Window, end: int, fork: tuple[int, int], known: int) -> None:
    """Raise Odd when sizes make as much sense, or more, without their synchsafe coding."""
    position, plain = fork
    while position < end - _HEADER_BYTES:
        name, size, flags = _unpack_header(window.at(position, _HEADER_BYTES))
        if not size and not flags and name == b"\0\0\0\0":
            break
        position += _HEADER_BYTES + size
        plain += name in FRAME_NAMES
    if plain > known:
        raise Odd("sizes as iTunes wrote them")


class _Tag:
    """What the frames of a tag say, by name."""

    def __init__(self, major: int, file_bytes: int) -> None:
        self.major = major
        self._file_bytes = file_bytes
        self.values: dict[str, list[str]] = {}
        self.comments: dict[tuple[str, bytes], list[str]] = {}
        self.pictures: list[tuple[str, int]] = []
        self.has_blank = False

    def put(self, name: str, texts: list[str]) -> None:
        """Values of a frame of which a tag has one."""
        if not texts:
            self.has_blank = True
        elif name in self.values:
            raise Odd("two frames of one name")
        else:
            self.values[name] = texts

    def source(self, window: Window) -> Source:
        """All of it as mutagen would tell it, with an ID3v1 tag at the end for what is missing."""
        if not self._covers_v1():
            self._add_v1(window)
        values = self.values
        if not OLD_FRAMES.isdisjoint(values):
            self._join_dates()
        if genres := values.get("TCON"):
            if sum(map(len, genres)) > _MAX_GENRES_CHARS:
                raise Odd("many genres")
            values["TCON"] = _texts(_genres(tuple(genres)))
        comments: list[str] = []
        for (description, _), texts in sorted(self.comments.items(), key=_comment_order):
            if not is_program_comment(description):
                comments += texts
        values["COMM"] = comments
        by_place = {name.lower(): texts for name, texts in values.items()}
        return Source("id3", by_place, self.pictures, joined_names=self.major < 4)

    def _covers_v1(self) -> bool:
        names = {"TIT2", "TPE1", "TALB", "TRCK", "TCON", "TDRC" if self.major == 4 else "TYER"}
        return names <= self.values.keys() and any(not text for text, _ in self.comments)

    def _add_v1(self, window: Window) -> None:
        tail = window.at(max(self._file_bytes - V1_BYTES, 0), min(self._file_bytes, V1_BYTES))
        if b"TAG" not in tail:
            return
        if self.has_blank:
            raise Odd("a blank frame that may hide one of the older tag")
        for frame in find_v1(io.BytesIO(tail), self.major):
            if frame.FrameID == "COMM":
                self.comments.setdefault((frame.desc, frame.lang.encode()), _texts(frame.text))
            else:
                self.values.setdefault(frame.FrameID, _texts(map(str, frame.text)))

    def _join_dates(self) -> None:
        """The dates of ID3v2.3 as those of 2.4."""
        values = self.values
        if "TIME" in values:
            raise Odd("a time of day")
        (year,), (day,), (original,) = (values.pop(name, [""]) for name in ("TYER", "TDAT", "TORY"))
        date = date_of_old(year, day)
        if date and "TDRC" not in values:
            values["TDRC"] = [date]
        if original and "TDOR" not in values:
            if not PLAIN_DATE.fullmatch(original):
                raise Odd("a date in other words")
            values["TDOR"] = [original]


def _comment_order(comment: tuple[tuple[str, bytes], list[str]]) -> int:
    return comment_order(comment[0][0])


def _texts(texts: Any) -> list[str]:
    return [text for text in texts if text and not text.isspace()]


def _decode(data: bytes, start: int = 1) -> str:
    """The text from `start` of a frame, in the encoding that the frame begins with."""
    if data[0] == 1 and not data.startswith(_BYTE_ORDERS, start):
        raise Odd("text without a byte order mark")
    return data[start:].decode(_CODECS[data[0]])


def _values(data: bytes) -> list[str]:
    """The values of a frame of text, blank ones left out."""
    text = _decode(data).rstrip("\0")
    if "\0" in text:
        first, _, rest = text.partition("\0")
        return _texts((first,)) + _further_values(rest, data[0])
    return [text] if text and not text.isspace() else []


def _further_values(text: str, encoding: int) -> list[str]:
    """The values in text that is not the first in its frame."""
    values = text.split("\0")
    if encoding == 1:
        if any(value and not value.startswith(_MARK) for value in values):
            raise Odd("a value without a byte order mark")
        values = [value[1:] for value in values]
    return _texts(values)


def _add_text(tag: _Tag, name: bytes, data: bytes) -> None:
    tag.put(name.decode(), _values(data))


def _add_old_date(tag: _Tag, name: bytes, data: bytes) -> None:
    text = _decode(data).rstrip("\0")
    if "\0" in text:
        raise Odd("several dates")
    tag.put(name.decode(), _texts((text,)))


def _add_date(tag: _Tag, name: bytes, data: bytes) -> None:
    texts = _values(data)
    if any(len(text) > _MAX_DATE_CHARS for text in texts):
        raise Odd("a long date")
    texts = [text if PLAIN_DATE.fullmatch(text) else _date(text) for text in texts]
    if not texts or not all(texts):
        raise Odd("a date that is none, yet stands before others")
    tag.put(name.decode(), texts)


def _add_named(tag: _Tag, _name: bytes, data: bytes) -> None:
    description, _, rest = _decode(data).partition("\0")
    texts = _further_values(rest, data[0])
    if len(description) <= _LONGEST_NAME and (name := _named(description)):
        tag.put(name, texts)


def _add_comment(tag: _Tag, _name: bytes, data: bytes) -> None:
    language = data[1:4]
    description, _, rest = _decode(data, 4).partition("\0")
    texts = _further_values(rest, data[0])
    if not language.isascii() or (description, language) in tag.comments:
        raise Odd("a comment in no language, or two in one")
    if texts:
        tag.comments[description, language] = texts
    else:
        tag.has_blank = True


def _add_lyrics(tag: _Tag, _name: bytes, data: bytes) -> None:
    _, _, rest = _decode(data, 4).partition("\0")
    text, _, _ = rest.partition("\0")
    if not data[1:4].isascii():
        raise Odd("lyrics in no language")
    tag.values.setdefault("USLT", []).extend(_further_values(text, data[0]))


def _add_id(tag: _Tag, _name: bytes, data: bytes) -> None:
    owner, _, identifier = data.partition(b"\0")
    name = "ufid:" + owner.decode("latin-1").lower()
    if name in PLACES["id3"]:
        tag.put(name, _texts(identifier.decode("latin-1").split("\0")))


def _picture(head: bytes, size: int) -> tuple[str, int]:
    """Kind and bytes of the picture in a frame of `size`, from the beginning of the frame."""
    mime_end = head.index(b"\0", 1)
    if head[1:mime_end] in _OLD_MIMES:
        raise Odd("a picture of old")
    at = mime_end + 2  # behind its kind
    end = head.index(b"\0", at)
    if head[0] == 1:
        while end < len(head) and (head[end : end + 2] != b"\0\0" or (end - at) % 2):
            end += 1
        _decode(b"\1" + head[at:end])
        end += 1
    else:
        head[at:end].decode(_CODECS[head[0]])
    if end >= len(head):
        raise Odd("a long description")
    return picture_kind(head[mime_end + 1]), size - end - 1


def _add_rare(*_: object) -> None:
    raise Odd("a frame that mutagen knows better")


@functools.lru_cache(maxsize=1024)
def _named(description: str) -> str | None:
    """The name of a TXXX frame when it is one that is read."""
    name = "txxx:" + description.lower()
    return name if name in PLACES["id3"] else None


@functools.lru_cache(maxsize=1024)
def _genres(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_make_genres(encoding=3, text=list(texts)).genres)


@functools.lru_cache(maxsize=1024)
def _date(text: str) -> str:
    return str(_make_date(text))


_Add = Callable[[_Tag, bytes, bytes], None]
_DATES = (b"TDRC", b"TDRL", b"TDOR")
#: What is done with the frames that are read, by name; all others are passed over.
_ADD: dict[bytes, _Add] = {
    **{
        name.upper().encode(): _add_text
        for name in PLACES["id3"]
        if ":" not in name and name.startswith("t")
    },
    **dict.fromkeys((b"TYER", b"TDAT", b"TIME", b"TORY"), _add_old_date),
    **dict.fromkeys(_DATES, _add_date),
    b"TXXX": _add_named,
    b"COMM": _add_comment,
    b"USLT": _add_lyrics,
    b"UFID": _add_id,
    b"SYLT": _add_rare,
    b"RVA2": _add_rare,
}
