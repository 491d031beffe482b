"""MP4: the tree of atoms, walked by offsets; of the tags only those that are read are looked at."""

from __future__ import annotations

import functools
import io
import struct
from collections.abc import Callable
from struct import Struct
from typing import Any, NamedTuple

from mutagen._constants import GENRES
from mutagen.mp4 import MP4Info
from mutagen.mp4._atom import Atom

from worker.library.lean.window import Lean, Odd, Stream, Window
from worker.library.sources import Source
from worker.library.tagmap import PLACES

_unpack_head = Struct(">I4s").unpack_from
_unpack_data = Struct(">I4sI").unpack_from
_CONTAINERS = frozenset(
    {b"moov", b"udta", b"trak", b"mdia", b"meta", b"ilst", b"stbl", b"minf", b"moof", b"traf"}
)
_META_BYTES = 4  #: version and flags of `meta`, before what it contains
_IMPLICIT, _UTF8, _INTEGER = 0, 1, 21
_INTEGER_BYTES = (1, 2, 3, 4, 8)
#: Where in a table of samples the atom begins that says more of the first entry.
_EXTRA_AT = 8 + 8 + 28
#: Bytes of the atoms of a free name that may be one that is read, and of a table of samples.
_MAX_NAME_BYTES, _MAX_TABLE_BYTES = 256, 4096
_make_atom: Callable[[io.BytesIO], Any] = Atom

_Path = tuple[bytes, ...]


class _Span(NamedTuple):
    """An atom's contents."""

    start: int
    end: int


def read(window: Window) -> Lean:
    """Tags and stream.  Raises Odd, and others: see `lean`."""
    movie = _find_movie(window)
    found: dict[_Path, list[_Span]] = {}
    _walk(window, movie, (), found)
    if (b"udta", b"chpl") in found or len(found.get((b"udta",), ())) > 1:
        raise Odd("chapters, or tags in two places")
    source = Source("mp4")
    lists = found.get((b"udta", b"meta", b"ilst"))
    if lists is None:
        source = Source("vorbis")  # as for any file without tags
    elif len(lists) > 1 or len(found[b"udta", b"meta"]) > 1:
        raise Odd("two lists of tags")
    else:
        _read_tags(window, lists[0], source)
    return Lean("MP4", source, _stream(window, found))


def _find_movie(window: Window) -> _Span:
    """The one `moov` among the atoms of the file."""
    position, movie = 0, None
    while position + 8 <= window.size:
        name, span = _atom(window, position)
        if name == b"moov":
            if movie is not None or span.end > window.size:
                raise Odd("two movies, or one that is cut off")
            movie = span
        elif name in _CONTAINERS:
            raise Odd("a fragment")
        position = span.end
    if movie is None:
        raise Odd("no movie")
    return movie


def _atom(window: Window, position: int) -> tuple[bytes, _Span]:
    length, name = _unpack_head(window.at(position, 8))
    start = position + 8
    if length == 1:
        length = int.from_bytes(window.at(start, 8), "big")
        start += 8
    if length < start - position:
        raise Odd("an atom without a length")
    return name, _Span(start, position + length)


def _inner(window: Window, position: int, end: int) -> tuple[bytes, _Span]:
    """The atom at `position` inside of one that reaches to `end`."""
    length, name = _unpack_head(window.at(position, 8))
    if length < 8 or position + length > end:
        raise Odd("an atom of a length that it cannot have")
    return name, _Span(position + 8, position + length)


def _walk(window: Window, parent: _Span, path: _Path, found: dict[_Path, list[_Span]]) -> None:
    """Note all atoms below `parent` by their path, but for tags; of tracks with their number."""
    position = parent.start + (_META_BYTES if path[-1:] == (b"meta",) else 0)
    while position < parent.end:
        name, span = _inner(window, position, parent.end)
        place = (*path, name)
        found.setdefault(place, []).append(span)
        if name == b"trak":
            place = (*place, b"%d" % len(found[place]))
        if name in _CONTAINERS and name != b"ilst":
            _walk(window, span, place, found)
        position = span.end


def _stream(window: Window, found: dict[_Path, list[_Span]]) -> Stream:
    for number in range(1, len(found[b"trak",]) + 1):
        media = (b"trak", b"%d" % number, b"mdia")
        handler = _whole(window, *found[*media, b"hdlr"])
        if handler[8:12] == b"soun":
            if any(len(found[part]) > 1 for part in (media, (*media, b"minf"))):
                raise Odd("a track in two parts")
            seconds = _seconds(_whole(window, *found[*media, b"mdhd"]))
            samples = found[*media, b"minf", b"stbl", b"stsd"]
            return _with_entry(_whole(window, *samples), seconds)
    raise Odd("no track of sound")


def _seconds(data: bytes) -> float:
    unit, length = struct.unpack_from(*((">2I", data, 12) if not data[0] else (">IQ", data, 20)))
    if data[0] > 1:
        raise Odd("a later version")
    return float(length) / unit if unit else 0.0


def _with_entry(samples: bytes, seconds: float) -> Stream:
    """The stream of a table of samples, whose first entry says what they are."""
    if len(samples) > _MAX_TABLE_BYTES:
        raise Odd("a long table")
    entry = samples[12:16]
    extra = samples[_EXTRA_AT + 4 : _EXTRA_AT + 8]
    at = _EXTRA_AT + 8 + 4  # behind version and flags
    if (entry, extra) == (b"mp4a", b"esds"):
        first, count = _past_length(samples, at, 3), 11
        if samples[first + 2]:
            raise Odd("a stream that leans on others")
        first = _past_length(samples, first + 3, 4) + 2
    elif (entry, extra) == (b"alac", b"alac"):
        first, count = at + 12, 8
        if samples[at + 4]:
            raise Odd("a later version")
    else:
        raise Odd("a rare codec")
    end = first + count
    bitrate = int.from_bytes(samples[end - 4 : end], "big")
    channels, bits, rate, codec = _entry(samples[:first] + bytes(count) + samples[end:])
    return Stream(seconds, bitrate, channels, rate, bits, codec)


def _past_length(data: bytes, at: int, tag: int) -> int:
    """Where the contents of a descriptor begin."""
    if data[at] != tag:
        raise Odd("another descriptor")
    for _ in range(4):
        at += 1
        if data[at] < 0x80:
            return at + 1
    raise Odd("a descriptor without a length")


@functools.lru_cache(maxsize=256)
def _entry(samples: bytes) -> tuple[int, int, int, str]:
    """Channels, bits a sample, rate and codec, by mutagen."""
    file = io.BytesIO(struct.pack(">I4s", 8 + len(samples), b"stsd") + samples)
    info: Any = MP4Info()  # type: ignore[no-untyped-call]
    info._parse_stsd(_make_atom(file), file)
    return info.channels, info.bits_per_sample, info.sample_rate, info.codec


def _read_tags(window: Window, tags: _Span, source: Source) -> None:
    position = tags.start
    while position < tags.end:
        name, span = _inner(window, position, tags.end)
        position = span.end
        if (add := _ADD.get(name)) is not None:
            add(source, name, window, span)
        elif name in _CONTAINERS or name.decode("latin-1").lower() in _LOWER_NAMES:
            raise Odd("a container, or a name in other letters")


def _values(data: bytes, at: int = 0) -> list[tuple[int, bytes]]:
    """The kinds and contents of the `data` atoms that fill `data` from `at`."""
    values = []
    while at < len(data):
        length, name, kind = _unpack_data(data, at)
        if name != b"data" or length < 16 or at + length > len(data):
            raise Odd("a broken value")
        values.append((kind, data[at + 16 : at + length]))
        at += length
    return values


def _whole(window: Window, span: _Span) -> bytes:
    return window.at(span.start, span.end - span.start)


def _add_text(source: Source, name: bytes, window: Window, span: _Span) -> None:
    values = _values(_whole(window, span))
    if any(kind & 0xFFFFFF not in (_IMPLICIT, _UTF8) for kind, _ in values):
        raise Odd("text of another kind")
    source.add(name.decode("latin-1"), [value.decode("utf-8") for _, value in values])


def _add_pair(source: Source, name: bytes, window: Window, span: _Span) -> None:
    for _, value in _values(_whole(window, span)):
        number, total = struct.unpack_from(">HH", value, 2)
        source.add(name.decode(), (f"{number}/{total}",))


def _add_number(source: Source, name: bytes, window: Window, span: _Span) -> None:
    for kind, value in _values(_whole(window, span)):
        if kind not in (_IMPLICIT, _INTEGER) or len(value) not in _INTEGER_BYTES:
            raise Odd("a number of another kind")
        source.add(name.decode(), (str(int.from_bytes(value, "big", signed=True)),))


def _add_flag(source: Source, name: bytes, window: Window, span: _Span) -> None:
    values = _values(_whole(window, span))
    if len(values) != 1 or len(values[0][1]) != 1 or name.decode() in source.values:
        raise Odd("a flag that is none, or several")
    source.add(name.decode(), (str(values[0][1] != b"\0"),))


def _add_genre(source: Source, _: bytes, window: Window, span: _Span) -> None:
    for _kind, value in _values(_whole(window, span)):
        number = int.from_bytes(value, "big")
        if len(value) != 2 or not 1 <= number <= len(GENRES):
            raise Odd("an unknown genre")
        source.add("©gen", (GENRES[number - 1],))


def _add_named(source: Source, _: bytes, window: Window, span: _Span) -> None:
    data = _whole(window, span)
    mean_end = int.from_bytes(data[:4], "big")
    name_end = mean_end + int.from_bytes(data[mean_end : mean_end + 4], "big")
    if not 12 <= mean_end <= name_end - 12 <= len(data) - 12:
        raise Odd("a broken name")
    values = _values(data, name_end)
    if name_end > _MAX_NAME_BYTES:
        return
    if name := _named(data[12:mean_end], data[mean_end + 12 : name_end]):
        source.add(name, [value.decode("utf-8", "replace") for _, value in values])


def _add_covers(source: Source, _: bytes, window: Window, span: _Span) -> None:
    position = span.start
    while position < span.end:
        length, name = _unpack_head(window.at(position, 8))
        position += length
        if name != b"data" or length < 16 or position > span.end:
            raise Odd("a broken cover")
        source.pictures.append(("front", length - 16))


@functools.lru_cache(maxsize=1024)
def _named(mean: bytes, name: bytes) -> str | None:
    """The free name when it is one that is read."""
    key = (b"----:" + mean + b":" + name).decode("latin-1").lower()
    return key if key in PLACES["mp4"] else None


_Add = Callable[[Source, bytes, Window, _Span], None]
_TEXTS = (
    *(b"\xa9nam", b"\xa9ART", b"\xa9alb", b"aART", b"\xa9gen", b"\xa9wrt", b"\xa9day", b"sonm"),
    *(b"soal", b"soar", b"soaa", b"\xa9cmt", b"\xa9lyr", b"\xa9too"),
)
#: What is done with the atoms that are read, by name; all others are passed over.
_ADD: dict[bytes, _Add] = {
    **dict.fromkeys(_TEXTS, _add_text),
    b"trkn": _add_pair,
    b"disk": _add_pair,
    b"tmpo": _add_number,
    b"cpil": _add_flag,
    b"gnre": _add_genre,
    b"----": _add_named,
    b"covr": _add_covers,
}
_LOWER_NAMES = frozenset(PLACES["mp4"]) | {"covr"}
