"""The stream in a file: format, codec, duration and rates, from what mutagen found."""

from __future__ import annotations

import math
from typing import Any

from worker.library.formats import BY_READER
from worker.library.model import Audio

MAX_DURATION_SECONDS = 7 * 24 * 3600.0
_MAX_INT = (1 << 31) - 1

_WAVE_CODECS = {1: "pcm", 3: "pcm_float", 6: "alaw", 7: "mulaw", 0x55: "mp3", 0xFFFE: "pcm"}


def audio_from(reader: str, info: Any) -> tuple[Audio, tuple[str, ...]]:
    """The stream that `reader`, a type of mutagen's, found, and flags: `duration_clamped`."""
    form, codec = _name(reader, info)
    seconds = _seconds(getattr(info, "length", None))
    audio = Audio(
        format=form,
        codec=codec,
        duration_seconds=seconds,
        bitrate_bps=_positive(getattr(info, "bitrate", None)),
        sample_rate_hz=_positive(getattr(info, "sample_rate", None)),
        channels=_positive(getattr(info, "channels", None)),
        bit_depth=_positive(getattr(info, "bits_per_sample", None)),
    )
    return audio, ("duration_clamped",) if seconds is None else ()


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


def _seconds(length: Any) -> float | None:
    """A believable duration, else None."""
    if isinstance(length, (int, float)) and math.isfinite(length):
        return float(length) if 0 < length <= MAX_DURATION_SECONDS else None
    return None


def _positive(number: Any) -> int | None:
    if isinstance(number, (int, float)) and 0 < number <= _MAX_INT:
        return int(number) or None
    return None
