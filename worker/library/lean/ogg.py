"""Ogg with Vorbis or Opus: the first page, those of the comments, and the last one."""

from __future__ import annotations

import struct
from typing import NamedTuple

from worker.library.lean.vorbis import read_comments
from worker.library.lean.window import Lean, Odd, Stream, Window
from worker.library.parsing import HEAD_BYTES, OGG_MARKS
from worker.library.sources import Source

_PAGE = struct.Struct("<4sBBqIIiB")
_CONTINUED, _FIRST, _LAST = 1, 2, 4
#: Bytes at the end of a file in which its last page is looked for: few at first, then all.
_TAIL_BYTES = (8 << 10, 64 << 10)
_OPUS_RATE_HZ = 48_000


class _Page(NamedTuple):
    flags: int
    position: int  #: samples so far
    serial: int
    sequence: int
    packet_bytes: int  #: of the first packet, as far as it lies in this page
    is_whole: bool  #: the first packet ends here
    start: int  #: where the packets begin
    end: int


def read(window: Window) -> Lean:
    """Tags and stream.  Raises Odd, and others: see `lean`."""
    first = _page(window, 0)
    head = window.at(first.start, first.packet_bytes)
    mark = next((mark for mark, _ in OGG_MARKS if mark in window.head[:HEAD_BYTES]), b"")
    if not mark or not head.startswith(mark) or not first.flags & _FIRST:
        raise Odd("not the beginning of a stream")
    if mark == b"\x01vorbis":
        source, _ = _comments(window, first, b"\x03vorbis", has_end_mark=True)
        return Lean("OggVorbis", source, _vorbis(head, _last_position(window, first.serial)))
    if mark == b"OpusHead":
        source, end = _comments(window, first, b"OpusTags", has_end_mark=False)
        position = _last_position(window, first.serial)
        return Lean("OggOpus", source, _opus(head, position, window.size - end))
    raise Odd("a rare codec")


def _page(window: Window, offset: int) -> _Page:
    header = window.at(offset, _PAGE.size)
    name, version, flags, position, serial, sequence, _, segments = _PAGE.unpack(header)
    if name != b"OggS" or version or not segments:
        raise Odd("no page, or an empty one")
    sizes = window.at(offset + _PAGE.size, segments)
    length = 0
    for size in sizes:
        length += size
        if size < 255:
            is_whole = True
            break
    else:
        is_whole = False
    start = offset + _PAGE.size + segments
    end = start + sum(sizes)
    if end > window.size:
        raise Odd("a page that is cut off")
    return _Page(flags, position, serial, sequence, length, is_whole, start, end)


def _comments(
    window: Window, first: _Page, mark: bytes, *, has_end_mark: bool
) -> tuple[Source, int]:
    """The comments behind the first page, and where their last page ends."""
    parts: list[bytes] = []
    end, sequence, is_whole = first.end, None, False
    while not is_whole:
        page = _page(window, end)
        is_continued = bool(page.flags & _CONTINUED)
        if page.serial != first.serial or is_continued != bool(parts):
            raise Odd("streams side by side, or a page that does not go on")
        if sequence is not None and page.sequence != sequence + 1:
            raise Odd("a page is missing")
        parts.append(window.at(page.start, page.packet_bytes))
        end, sequence, is_whole = page.end, page.sequence, page.is_whole
    packet = b"".join(parts)
    if not packet.startswith(mark):
        raise Odd("no comments in their place")
    source, at = read_comments(packet, len(mark))
    if has_end_mark and not packet[at] & 1:
        raise Odd("comments without an end")
    return source, end


def _last_position(window: Window, serial: int) -> int:
    """The samples of the stream, as its last page counts them."""
    for count in _TAIL_BYTES:
        begin = max(window.size - count, 0)
        found = window.at(begin, window.size - begin).rfind(b"OggS")
        if found >= 0:
            page = _page(window, begin + found)
            if page.serial != serial or not page.flags & _LAST or page.position == -1:
                raise Odd("streams side by side, or one without an end")
            return page.position
    raise Odd("no last page")


def _vorbis(head: bytes, position: int) -> Stream:
    channels, rate, highest, nominal, lowest = struct.unpack_from("<BI3i", head, 11)
    highest, nominal, lowest = max(0, highest), max(0, nominal), max(0, lowest)
    if not nominal:
        bitrate = (highest + lowest) // 2
    elif highest and highest < nominal:
        bitrate = highest
    else:
        bitrate = max(lowest, nominal)
    return Stream(position / float(rate), bitrate, channels, rate)


def _opus(head: bytes, position: int, audio_bytes: int) -> Stream:
    version, channels, skipped, _, _, _ = struct.unpack_from("<BBHIhB", head, 8)
    if version >> 4:
        raise Odd("a later version")
    seconds = (position - skipped) / float(_OPUS_RATE_HZ)
    return Stream(seconds, round(audio_bytes * 8 / seconds) if seconds else 0, channels)
