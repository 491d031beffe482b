"""Tiny silent audio files of every format Needle reads, written without any encoder.

Where a format's header states the duration and the coding of silence is beyond a few lines,
the header is nearly all there is: readers are content, players find nothing to play.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from uuid import UUID

from cli.demo import mpeg, xiph

_RATE_HZ = 44_100
_LOW_RATE_HZ = 8_000  #: for formats that store every sample
_DSD_RATE_HZ = 2_822_400


def silence(format: str, seconds: float) -> bytes:
    """A file of `seconds` of silence.  Raises KeyError for a format not in `FORMATS`."""
    return FORMATS[format](seconds)


def _wav(seconds: float) -> bytes:
    samples = round(seconds * _LOW_RATE_HZ)
    form = struct.pack("<HHIIHH", 1, 1, _LOW_RATE_HZ, _LOW_RATE_HZ, 1, 8)
    data = b"\x80" * (samples + samples % 2)  # 8 bit WAV is unsigned: silence is the middle
    chunks = struct.pack("<4sI", b"fmt ", len(form)) + form
    chunks += struct.pack("<4sI", b"data", samples) + data
    return struct.pack("<4sI4s", b"RIFF", 4 + len(chunks), b"WAVE") + chunks


def _aiff(seconds: float) -> bytes:
    samples = round(seconds * _LOW_RATE_HZ)
    exponent = _LOW_RATE_HZ.bit_length() - 1
    rate = struct.pack(">HQ", 16383 + exponent, _LOW_RATE_HZ << (63 - exponent))  # 80 bit float
    common = struct.pack(">HIH", 1, samples, 8) + rate
    sound = bytes(8 + samples + samples % 2)
    chunks = struct.pack(">4sI", b"COMM", len(common)) + common
    chunks += struct.pack(">4sI", b"SSND", 8 + samples) + sound
    return struct.pack(">4sI4s", b"FORM", 4 + len(chunks), b"AIFF") + chunks


def _wma(seconds: float) -> bytes:
    """An ASF header with an audio stream, and no packets."""
    file_id = bytes(range(16))
    ticks = round(seconds * 10_000_000)
    properties = file_id + struct.pack("<QQQQQQIIII", 0, 0, 0, ticks, ticks, 0, 2, 100, 100, 64_000)
    wave = struct.pack("<HHIIHHH", 0x161, 2, _RATE_HZ, 8_000, 1, 16, 0)
    stream = _guid("F8699E40-5B4D-11CF-A8FD-00805F5C442B") + _guid(
        "20FB5700-5B55-11CF-A8FD-00805F5C442B"
    )
    stream += struct.pack("<QIIHI", 0, len(wave), 0, 1, 0) + wave
    objects = _asf_object("8CABDCA1-A947-11CF-8EE4-00C00C205365", properties)
    objects += _asf_object("B7DC0791-A9B7-11CF-8EE6-00C00C205365", stream)
    count = struct.pack("<IBB", 2, 1, 2)
    data = file_id + struct.pack("<QH", 0, 0x0101)
    return _asf_object("75B22630-668E-11CF-A6D9-00AA0062CE6C", count + objects) + _asf_object(
        "75B22636-668E-11CF-A6D9-00AA0062CE6C", data
    )


def _guid(text: str) -> bytes:
    return UUID(text).bytes_le


def _asf_object(guid: str, data: bytes) -> bytes:
    return _guid(guid) + struct.pack("<Q", 24 + len(data)) + data


def _wavpack(seconds: float) -> bytes:
    flags = 1 | 9 << 23  # 16 bit, stereo, 44.1 kHz
    samples = round(seconds * _RATE_HZ)
    return b"wvpk" + struct.pack("<IHBBIIIII", 24, 0x410, 0, 0, samples, 0, 0, flags, 0)


def _ape(seconds: float) -> bytes:
    samples = round(seconds * _RATE_HZ)
    block = 73_728 * 4
    frames, last = divmod(samples, block)
    if last:
        frames += 1
    descriptor = struct.pack("<4sHHIIIIIII16x", b"MAC ", 3990, 0, 52, 24, 0, 0, 0, 0, 0)
    return descriptor + struct.pack(
        "<HHIIIHHI", 2000, 0, block, last or block, frames, 16, 2, _RATE_HZ
    )


def _musepack(seconds: float) -> bytes:
    """Stream version 8: header, gains of nothing, end."""
    samples = _variable_length(round(seconds * _RATE_HZ))
    header = bytes(4) + b"\x08" + samples + b"\x00" + bytes((0, 1 << 4))
    gains = b"\x01" + bytes(8)
    packets = ((b"SH", header), (b"RG", gains), (b"SE", b""))
    return b"MPCK" + b"".join(key + bytes((3 + len(data),)) + data for key, data in packets)


def _variable_length(number: int) -> bytes:
    """Seven bits a byte, the highest says that more follow."""
    result = bytes((number & 0x7F,))
    while number := number >> 7:
        result = bytes((number & 0x7F | 0x80,)) + result
    return result


def _tta(seconds: float) -> bytes:
    samples = round(seconds * _RATE_HZ)
    return struct.pack("<4sHHHIII", b"TTA1", 1, 2, 16, _RATE_HZ, samples, 0)


def _dsf(seconds: float) -> bytes:
    block = b"\x69" * 4096  # alternating bits: silence in one bit a sample
    samples = round(seconds * _DSD_RATE_HZ)
    form = struct.pack("<4sQIIIIIIQII", b"fmt ", 52, 1, 0, 1, 1, _DSD_RATE_HZ, 1, samples, 4096, 0)
    data = struct.pack("<4sQ", b"data", 12 + len(block)) + block
    return struct.pack("<4sQQQ", b"DSD ", 28, 28 + len(form) + len(data), 0) + form + data


#: Name of the format, which is also the usual extension, to its maker.
FORMATS: dict[str, Callable[[float], bytes]] = {
    "mp3": mpeg.mp3,
    "mp3 vbr": mpeg.mp3_vbr,
    "mp2": mpeg.mp2,
    "aac": mpeg.aac,
    "m4a": mpeg.m4a,
    "flac": xiph.flac,
    "ogg": xiph.ogg_vorbis,
    "opus": xiph.opus,
    "oggflac": xiph.ogg_flac,
    "spx": xiph.speex,
    "wav": _wav,
    "aiff": _aiff,
    "wma": _wma,
    "wv": _wavpack,
    "ape": _ape,
    "mpc": _musepack,
    "tta": _tta,
    "dsf": _dsf,
}


def extension(format: str) -> str:
    """The extension that files of `format` have, without the dot."""
    return format.partition(" ")[0]
