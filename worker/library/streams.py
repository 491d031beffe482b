"""The stream in a file: format, codec, duration and rates, from what mutagen found."""

from __future__ import annotations

import math
from typing import Any

from worker.library.formats import BY_READER
from worker.library.model import MAX_DURATION_SECONDS, Audio

#: What JSON carries exactly; what is beyond no stream has.
_MAX_INT = (1 << 53) - 1

_WAVE_CODECS = {1: "pcm", 3: "pcm_float", 6: "alaw", 7: "mulaw", 0x55: "mp3", 0xFFFE: "pcm"}


def audio_from(reader: str, info: Any) -> tuple[Audio, tuple[str, ...]]:
    """The stream that `reader`, a type of mutagen's, found, and flags: `duration_clamped`."""
    form, codec = _name(reader, info)
    length = _told(info, "length")
    seconds = _seconds(length)
    audio = Audio(
        format=form,
        codec=codec,
        duration_seconds=seconds,
        bitrate_bps=_positive(_told(info, "bitrate")),
        sample_rate_hz=_positive(_told(info, "sample_rate")),
        channels=_positive(_told(info, "channels")),
        bit_depth=_positive(_told(info, "bits_per_sample")),
    )
    return audio, ("duration_clamped",) if seconds != length else ()


def _name(reader: str, info: Any) -> tuple[str, str]:
    form, codec = BY_READER[reader].key, BY_READER[reader].codec
    if reader == "MP3" and info.layer != 3:
        return f"mp{info.layer}", f"mp{info.layer}"
    if reader == "MP4":
        return form, _mp4_codec(info.codec)
    if reader == "ASF":
        return form, _asf_codec(info.codec_type + info.codec_name)
    if reader == "WAVE":
        return form, _WAVE_CODECS.get(getattr(info, "audio_format", 1), codec)
    if reader == "AC3" and info.codec == "ec-3":
        return "eac3", "eac3"
    return form, codec


def _mp4_codec(text: str) -> str:
    """`mp4a.40.2` is AAC, `mp4a.6B` MP3; `alac`, `ac-3` and others name themselves."""
    if text.startswith("mp4a"):
        return "mp3" if text[5:].upper() in ("6B", "69") else "aac"
    return {"ac-3": "ac3", "ec-3": "eac3", "fLaC": "flac", "Opus": "opus"}.get(text, text) or "aac"


def _asf_codec(text: str) -> str:
    for word, codec in (("Lossless", "wmalossless"), ("Pro", "wmapro"), ("Voice", "wmavoice")):
        if word in text:
            return codec
    return "wmav2"


def _told(info: Any, name: str) -> Any:
    """What `info` says of itself; None too where it is worked out of nonsense, as in DSF."""
    try:
        return getattr(info, name, None)
    except ArithmeticError:
        return None


def _seconds(length: Any) -> float | None:
    """`length` within what a file may last; None for none, and for what is no number."""
    if not isinstance(length, (int, float)) or math.isnan(length):
        return None
    return float(min(max(length, 0.0), MAX_DURATION_SECONDS))


def _positive(number: Any) -> int | None:
    if isinstance(number, (int, float)) and 0 < number <= _MAX_INT:
        return int(number) or None
    return None
