"""Silence as MPEG audio: MP3 (constant and variable rate), MP2, AAC in ADTS, AAC in MP4."""

from __future__ import annotations

import struct

#: One AAC frame of mono silence, 1,024 samples.
_AAC_SILENCE = bytes((0x00, 0xC8, 0x00, 0x80, 0x23, 0x80))
_AAC_RATE_HZ = 44_100
_AAC_SAMPLES = 1024

_MP3_RATE_HZ = 48_000
_MP3_SAMPLES = 1152
#: 32 kbit/s at 48 kHz: 96 bytes a frame, exactly.
_MPEG_FRAME_BYTES = 96
#: 64 kbit/s: the frame of a Xing header needs more room.
_XING_FRAME_BYTES = 192
#: Bytes of header and side information of a mono frame, before a Xing header.
_XING_OFFSET = 4 + 17


def mp3(seconds: float) -> bytes:
    """Layer III, mono, 32 kbit/s: frames whose side information asks for no sound."""
    return _mpeg_frame(b"\xff\xfb\x14\xc0") * _frames(seconds, _MP3_RATE_HZ, _MP3_SAMPLES)


def mp3_vbr(seconds: float) -> bytes:
    """Like `mp3`, with the Xing header in front that variable bit rates need, as LAME writes it."""
    frames = _frames(seconds, _MP3_RATE_HZ, _MP3_SAMPLES)
    audio = _mpeg_frame(b"\xff\xfb\x14\xc0") * frames
    contents = 0b1111  # frames, bytes, a table to seek by, quality
    xing = b"Xing" + struct.pack(">III", contents, frames, _XING_FRAME_BYTES + len(audio))
    xing += bytes(100) + struct.pack(">I", 78) + b"LAME3.100" + b"\x04" + bytes(26)
    first = b"\xff\xfb\x54\xc0".ljust(_XING_OFFSET, b"\0") + xing
    return first.ljust(_XING_FRAME_BYTES, b"\0") + audio


def mp2(seconds: float) -> bytes:
    """Layer II, mono, 32 kbit/s, no subband with bits."""
    return _mpeg_frame(b"\xff\xfd\x14\xc0") * _frames(seconds, _MP3_RATE_HZ, _MP3_SAMPLES)


def aac(seconds: float) -> bytes:
    """AAC-LC in ADTS frames, mono."""
    size = 7 + len(_AAC_SILENCE)
    # Sync, MPEG-4, no CRC; profile LC, 44.1 kHz, one channel; length; buffer fullness.
    bits = 0xFFF1 << 40 | 0b01_0100_0_001_0000 << 26 | size << 13 | 0x7FF << 2
    return (bits.to_bytes(7, "big") + _AAC_SILENCE) * _frames(seconds, _AAC_RATE_HZ, _AAC_SAMPLES)


def m4a(seconds: float) -> bytes:
    """AAC-LC in an MP4 container with one track, mono."""
    frames = _frames(seconds, _AAC_RATE_HZ, _AAC_SAMPLES)
    duration = round(seconds * _AAC_RATE_HZ)
    file_type = _atom(b"ftyp", b"M4A \0\0\0\0M4A mp42isom")
    # The movie tells where the audio lies, so it is made twice: first to know its length.
    length = len(_movie(duration, frames, 0))
    movie = _movie(duration, frames, len(file_type) + length + 8)
    return file_type + movie + _atom(b"mdat", _AAC_SILENCE * frames)


def _frames(seconds: float, rate_hz: int, samples: int) -> int:
    return max(round(seconds * rate_hz / samples), 4)


def _mpeg_frame(header: bytes) -> bytes:
    return header.ljust(_MPEG_FRAME_BYTES, b"\0")


def _atom(name: bytes, *contents: bytes) -> bytes:
    body = b"".join(contents)
    return struct.pack(">I", 8 + len(body)) + name + body


def _movie(duration: int, frames: int, audio_at: int) -> bytes:
    times = struct.pack(">IIIII", 0, 0, 0, _AAC_RATE_HZ, duration)
    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    movie = times + struct.pack(">IH10x", 0x10000, 0x100) + matrix + struct.pack(">24xI", 2)
    track = struct.pack(">IIIIII8xHHHH", 7, 0, 0, 1, 0, duration, 0, 0, 0x100, 0) + matrix
    media = _atom(
        b"mdia",
        _atom(b"mdhd", times, struct.pack(">HH", 0x55C4, 0)),
        _atom(b"hdlr", struct.pack(">II4s12x", 0, 0, b"soun") + b"\0"),
        _atom(
            b"minf",
            _atom(b"smhd", bytes(8)),
            _atom(b"dinf", _atom(b"dref", bytes(4), b"\0\0\0\1", _atom(b"url ", b"\0\0\0\1"))),
            _sample_table(frames, audio_at),
        ),
    )
    track_header = _atom(b"tkhd", track, bytes(8))
    return _atom(b"moov", _atom(b"mvhd", movie), _atom(b"trak", track_header, media))


def _sample_table(frames: int, audio_at: int) -> bytes:
    """All samples of one size, in one chunk."""
    bitrate = len(_AAC_SILENCE) * 8 * _AAC_RATE_HZ // _AAC_SAMPLES
    config = (
        b"\x04\x11" + struct.pack(">BB3xII", 0x40, 0x15, bitrate, bitrate) + b"\x05\x02\x12\x08"
    )
    stream = bytes(4) + b"\x03\x19" + b"\0\1\0" + config + b"\x06\x01\x02"
    entry = struct.pack(">6xH8xHHHHI", 1, 1, 16, 0, 0, _AAC_RATE_HZ << 16)
    return _atom(
        b"stbl",
        _atom(b"stsd", bytes(4), b"\0\0\0\1", _atom(b"mp4a", entry, _atom(b"esds", stream))),
        _atom(b"stts", struct.pack(">IIII", 0, 1, frames, _AAC_SAMPLES)),
        _atom(b"stsc", struct.pack(">IIIII", 0, 1, 1, frames, 1)),
        _atom(b"stsz", struct.pack(">III", 0, len(_AAC_SILENCE), frames)),
        _atom(b"stco", struct.pack(">III", 0, 1, audio_at)),
    )
