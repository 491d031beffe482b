"""Silence as FLAC, and in Ogg as Vorbis, Opus, FLAC and Speex."""

from __future__ import annotations

import struct

_RATE_HZ = 44_100
_FLAC_BLOCK = 65_535  #: samples of a frame, the most there may be
_OPUS_RATE_HZ = 48_000
_OPUS_PRE_SKIP = 312
#: 20 ms of silence, mono: one CELT frame without energy.
_OPUS_SILENCE = b"\xf8\xff\xfe"
_OPUS_SAMPLES = 960
_SPEEX_RATE_HZ = 16_000
VENDOR = b"Needle demo"


def _crc_table(polynomial: int, width: int) -> tuple[int, ...]:
    """The remainders of all bytes, most significant bit first."""
    top, mask = 1 << (width - 1), (1 << width) - 1
    table = []
    for byte in range(256):
        value = byte << (width - 8)
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & top else value << 1) & mask
        table.append(value)
    return tuple(table)


_CRC_8 = _crc_table(0x07, 8)
_CRC_16 = _crc_table(0x8005, 16)
_CRC_32 = _crc_table(0x04C11DB7, 32)


def _crc(data: bytes, table: tuple[int, ...], width: int) -> int:
    value, mask = 0, (1 << width) - 1
    for byte in data:
        value = (value << 8 & mask) ^ table[value >> (width - 8) ^ byte]
    return value


def flac(seconds: float) -> bytes:
    """Stereo, 16 bit: constant frames of 65,535 samples, about 15 bytes each."""
    samples = round(seconds * _RATE_HZ)
    comment = _comment()
    blocks = _block(0, _flac_stream_info(samples)) + _block(4, comment, last=True)
    return b"fLaC" + blocks + b"".join(_flac_frames(samples))


def ogg_flac(seconds: float) -> bytes:
    """The frames of `flac`, a page each."""
    samples = round(seconds * _RATE_HZ)
    head = b"\x7fFLAC\x01\x00\x00\x01fLaC" + _block(0, _flac_stream_info(samples))
    pages = [_page(0, 2, 0, head), _page(1, 0, 0, _block(4, _comment(), last=True))]
    frames = _flac_frames(samples)
    for number, frame in enumerate(frames, 1):
        is_last = number == len(frames)
        position = samples if is_last else number * _FLAC_BLOCK
        pages.append(_page(number + 1, 4 if is_last else 0, position, frame))
    return b"".join(pages)


def ogg_vorbis(seconds: float) -> bytes:
    """Headers and one empty packet: encoding Vorbis is beyond a demo, readers do not mind."""
    head = b"\x01vorbis" + struct.pack("<IBIiiiBB", 0, 2, _RATE_HZ, 0, 112_000, 0, 0xB8, 1)
    comment = b"\x03vorbis" + _comment() + b"\x01"
    return (
        _page(0, 2, 0, head)
        + _page(1, 0, 0, comment, b"\x05vorbis\x00\x01")
        + _page(2, 4, round(seconds * _RATE_HZ), b"\0")
    )


def opus(seconds: float) -> bytes:
    """Mono, packets of 20 ms of coded silence, 85 to a page."""
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, _OPUS_PRE_SKIP, _OPUS_RATE_HZ, 0, 0)
    pages = [_page(0, 2, 0, head), _page(1, 0, 0, b"OpusTags" + _comment())]
    end = round(seconds * _OPUS_RATE_HZ) + _OPUS_PRE_SKIP
    left, position = -(-end // _OPUS_SAMPLES), 0
    while left:
        packets = min(left, 85)
        left -= packets
        position += packets * _OPUS_SAMPLES
        page = (len(pages), 0 if left else 4, position if left else end)
        pages.append(_page(*page, *[_OPUS_SILENCE] * packets))
    return b"".join(pages)


def speex(seconds: float) -> bytes:
    """Headers and one empty packet, as in `ogg_vorbis`."""
    head = struct.pack("<8s20sII", b"Speex   ", b"1.2", 1, 80)
    head += struct.pack("<9I8x", _SPEEX_RATE_HZ, 1, 4, 1, 27_800, 320, 0, 1, 0)
    return (
        _page(0, 2, 0, head)
        + _page(1, 0, 0, _comment())
        + _page(2, 4, round(seconds * _SPEEX_RATE_HZ), b"\0")
    )


def _comment() -> bytes:
    return struct.pack("<I", len(VENDOR)) + VENDOR + struct.pack("<I", 0)


def _block(kind: int, data: bytes, *, last: bool = False) -> bytes:
    return struct.pack(">I", (kind | (0x80 if last else 0)) << 24 | len(data)) + data


def _flac_stream_info(samples: int) -> bytes:
    # Rate 20 bits, channels - 1 in 3, bits - 1 in 5, samples 36; an MD5 of zero is "not known".
    numbers = _RATE_HZ << 44 | 1 << 41 | 15 << 36 | samples
    return struct.pack(">HH6xQ16x", _FLAC_BLOCK, _FLAC_BLOCK, numbers)


def _flac_frames(samples: int) -> list[bytes]:
    frames = []
    for number, start in enumerate(range(0, samples, _FLAC_BLOCK)):
        block = min(_FLAC_BLOCK, samples - start)
        # Fixed block size, in 16 bits behind; 44.1 kHz; two channels; 16 bits; frame number.
        head = b"\xff\xf8\x79\x18" + chr(number).encode() + struct.pack(">H", block - 1)
        head += bytes((_crc(head, _CRC_8, 8),))
        frame = head + bytes(6)  # two constant subframes of value 0
        frames.append(frame + struct.pack(">H", _crc(frame, _CRC_16, 16)))
    return frames


def _page(number: int, flags: int, position: int, *packets: bytes) -> bytes:
    """One Ogg page of whole packets; flags: 2 the first of the stream, 4 the last."""
    sizes = b"".join(b"\xff" * (len(p) // 255) + bytes((len(p) % 255,)) for p in packets)
    head = struct.pack("<4sBBqII", b"OggS", 0, flags, position, 1, number)
    tail = bytes((len(sizes),)) + sizes + b"".join(packets)
    checksum = _crc(head + bytes(4) + tail, _CRC_32, 32)
    return head + struct.pack("<I", checksum) + tail
