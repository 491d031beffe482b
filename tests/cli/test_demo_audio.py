"""Silence in every format, as mutagen sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mutagen
import pytest

from cli.demo.audio import FORMATS, extension, silence


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("seconds", [1.0, 7.3, 200.0])
def test_mutagen_finds_the_duration_asked_for(form: str, seconds: float, tmp_path: Path) -> None:
    path = tmp_path / f"a.{extension(form)}"
    path.write_bytes(silence(form, seconds))
    file: Any = mutagen.File(path)
    assert file is not None
    assert file.info.length == pytest.approx(seconds, abs=0.03)


@pytest.mark.parametrize(
    ("form", "kind", "rate_hz", "channels"),
    [
        ("mp3", "MP3", 48_000, 1),
        ("mp3 vbr", "MP3", 48_000, 1),
        ("mp2", "MP3", 48_000, 1),
        ("aac", "AAC", 44_100, 1),
        ("m4a", "MP4", 44_100, 1),
        ("flac", "FLAC", 44_100, 2),
        ("ogg", "OggVorbis", 44_100, 2),
        ("oggflac", "OggFLAC", 44_100, 2),
        ("spx", "OggSpeex", 16_000, 1),
        ("wav", "WAVE", 8_000, 1),
        ("aiff", "AIFF", 8_000, 1),
        ("wma", "ASF", 44_100, 2),
        ("wv", "WavPack", 44_100, 2),
        ("ape", "MonkeysAudio", 44_100, 2),
        ("mpc", "Musepack", 44_100, 2),
        ("dsf", "DSF", 2_822_400, 1),
    ],
)
def test_mutagen_finds_type_rate_and_channels(
    form: str, kind: str, rate_hz: int, channels: int, tmp_path: Path
) -> None:
    path = tmp_path / f"a.{extension(form)}"
    path.write_bytes(silence(form, 2))
    file: Any = mutagen.File(path)
    assert type(file).__name__ == kind
    assert (file.info.sample_rate, file.info.channels) == (rate_hz, channels)


def test_mp3_frames_are_found_without_doubt(tmp_path: Path) -> None:
    for form, mode in (("mp3", 0), ("mp3 vbr", 2)):
        path = tmp_path / f"{form}.mp3"
        path.write_bytes(silence(form, 10))
        file: Any = mutagen.File(path)
        assert not file.info.sketchy
        assert (file.info.bitrate, file.info.layer) == (32_000, 3)
        assert file.info.bitrate_mode in (mode, 0)


def test_files_are_tiny() -> None:
    for form in FORMATS:
        limit = 9_000 if form in ("wav", "aiff") else 4_300
        assert len(silence(form, 1)) <= limit, form


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(KeyError):
        silence("xyz", 1)
