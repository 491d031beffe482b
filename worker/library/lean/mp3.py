"""MP3 with ID3 in front: the first frames, or the header that variable bit rates have."""

from __future__ import annotations

import functools
import io
import struct
from typing import Any

from mutagen.mp3._util import LAMEError, LAMEHeader

from worker.library.lean import id3
from worker.library.lean.window import Lean, Odd, Stream, Window
from worker.library.mpeg import known_header

#: Frames that mutagen looks at before it believes in a stream.
_FRAMES = 4
#: Bytes that hold as many frames of any bit rate.
_FRAMES_BYTES = 6000
_HAS_FRAMES, _HAS_BYTES, _HAS_TABLE, _HAS_QUALITY = 1, 2, 4, 8
_TABLE_BYTES = 100
#: Bytes of LAME's version, as far as they say which it is, and of the header behind it.
_VERSION_BYTES, _VERSION_FIELD_BYTES, _LAME_BYTES = 9, 20, 27
_parse_version: Any = LAMEHeader.parse_version


def read(window: Window) -> Lean:
    """Tags and stream.  Raises Odd, and others: see `lean`."""
    source, offset = id3.read(window)
    return Lean("MP3", source, _stream(window, offset))


def _stream(window: Window, offset: int) -> Stream:
    data = window.up_to(offset, _FRAMES_BYTES)
    at = 0
    for number in range(_FRAMES):
        header, frame_bytes, marks = known_header(data[at : at + 4])
        if header["layer"] != 3:
            raise Odd("not layer III")
        for mark_at, names in marks:
            if data.startswith(names, at + mark_at):
                if number or b"VBRI" in names:
                    raise Odd("a rare header")
                begin = at + mark_at
                return _variable(data, begin, header, frame_bytes, window.size - offset)
        at += frame_bytes
    header, _, _ = known_header(data[:4])
    seconds = 8 * (window.size - offset) / float(header["bitrate"])
    return Stream(seconds, header["bitrate"], header["channels"], header["sample_rate"])


def _variable(
    data: bytes, at: int, header: dict[str, Any], frame_bytes: int, stream_bytes: int
) -> Stream:
    """The stream behind a Xing header at `at`, by the same arithmetic as mutagen's."""
    (flags,) = struct.unpack_from(">I", data, at + 4)
    at += 8
    frames = audio_bytes = None
    if flags & _HAS_FRAMES:
        (frames,) = struct.unpack_from(">I", data, at)
        at += 4
    if flags & _HAS_BYTES:
        (audio_bytes,) = struct.unpack_from(">I", data, at)
        at += 4
    at += _TABLE_BYTES if flags & _HAS_TABLE else 0
    at += 4 if flags & _HAS_QUALITY else 0
    version, padding = _lame(data, at)
    bitrate, rate, seconds = header["bitrate"], header["sample_rate"], None
    if frames is not None:
        samples = frames * (576 if header["version"] >= 2 else 1152)
        if audio_bytes is not None and samples > 0:
            left = max(0, audio_bytes - frame_bytes)
            bitrate = round((left * 8 * rate) / float(samples))
        seconds = max(samples - padding, 0) / rate
    if seconds is None:
        seconds = 8 * stream_bytes / float(bitrate)
    encoder = f"LAME {version}" if version else ""
    return Stream(seconds, bitrate, header["channels"], rate, encoder_info=encoder)


def _lame(data: bytes, at: int) -> tuple[str, int]:
    """LAME's version, "" if it was another, and the samples it has put before and behind."""
    field = data[at : at + _VERSION_FIELD_BYTES]
    if len(field) < _VERSION_FIELD_BYTES or field[_VERSION_BYTES : _VERSION_BYTES + 1].isdigit():
        raise Odd("a version of unusual length")
    version, has_header = _version(field[: _VERSION_BYTES + 1])
    at += _VERSION_BYTES
    if not has_header or data[at] >> 4:  # another revision of the header
        return version, 0
    if len(data) < at + _LAME_BYTES:
        raise Odd("a header that is cut off")
    high, middle, low = data[at + 12 : at + 15]
    return version, (high << 4 | middle >> 4) + ((middle & 15) << 8 | low)


@functools.lru_cache(maxsize=256)
def _version(text: bytes) -> tuple[str, bool]:
    """What mutagen calls a version of LAME, and whether its own header follows."""
    try:
        _, version, has_header = _parse_version(io.BytesIO(text.ljust(_VERSION_FIELD_BYTES, b"\0")))
    except LAMEError:
        return "", False
    if not has_header:  # then the text is longer than what is looked at here
        raise Odd("an early version of LAME")
    return version, has_header
