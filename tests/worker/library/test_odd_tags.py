"""Tags in the odd shapes of real files: several versions at once, joined names, pictures, dirt."""

from __future__ import annotations

import base64
import struct
from pathlib import Path
from typing import Any

import pytest
from mutagen import id3
from mutagen.apev2 import BINARY, APEv2, APEValue
from mutagen.flac import Picture

from cli.demo.audio import extension, silence
from cli.demo.xiph import VENDOR
from tests.worker.library.files import opened, tags_of, write
from worker.library.model import Tags


def test_names_joined_in_id3v23_are_taken_apart(tmp_path: Path) -> None:
    file = opened(tmp_path / "a.mp3", "mp3")
    file.tags.add(id3.TPE1(encoding=1, text="AC/DC; Bob / Cleo"))
    file.tags.add(id3.TCON(encoding=1, text="(17)(18)Own"))
    file.tags.add(id3.TYER(encoding=0, text="2001"))
    file.tags.add(id3.TDAT(encoding=0, text="0302"))
    file.tags.add(id3.TORY(encoding=0, text="1999"))
    file.save(v2_version=3)
    tags = tags_of(tmp_path / "a.mp3")
    assert tags.artists == ("AC/DC", "Bob", "Cleo")
    assert tags.genres == ("Rock", "Techno", "Own")
    assert (tags.date, tags.original_date) == ("2001-02-03", "1999")


def test_names_in_id3v24_are_left_as_they_are(tmp_path: Path) -> None:
    file = opened(tmp_path / "a.mp3", "mp3")
    file.tags.add(id3.TPE1(encoding=3, text=["A; B / C", "D"]))
    file.save()
    assert tags_of(tmp_path / "a.mp3").artists == ("A; B / C", "D")


def test_list_of_artists_wins_over_one_joined_text(tmp_path: Path) -> None:
    file = opened(tmp_path / "a.flac", "flac")
    file.tags["ARTIST"] = ["Ann feat. Bob"]
    file.tags["ARTISTS"] = ["Ann", "Bob"]
    file.save()
    assert tags_of(tmp_path / "a.flac").artists == ("Ann", "Bob")


def test_id3v1_fills_what_id3v2_lacks(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    file = opened(path, "mp3")
    file.tags.add(id3.TIT2(encoding=3, text="A title that is longer than ID3v1 can hold"))
    file.save()
    v1 = b"TAG" + b"A title that is longer than ID".ljust(30, b"\0") + b"Ann".ljust(30, b"\0")
    v1 += b"Album".ljust(30, b"\0") + b"1999" + b"Note".ljust(28, b"\0") + b"\0\x07" + b"\x11"
    path.write_bytes(path.read_bytes() + v1)
    tags = tags_of(path)
    assert tags.title == "A title that is longer than ID3v1 can hold"
    assert (tags.artists, tags.album, tags.date) == (("Ann",), "Album", "1999")
    assert (tags.comment, tags.track_number, tags.genres) == ("Note", 7, ("Rock",))


@pytest.mark.parametrize("form", ["mp3", "aac", "tta"])
def test_ape_tags_behind_a_bare_stream(form: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"a.{form}", silence(form, 1))
    ape: Any = APEv2()
    ape["Title"] = "Song"
    ape.save(path)
    assert tags_of(path).title == "Song"


def test_id3_tags_before_aac(tmp_path: Path) -> None:
    path = write(tmp_path / "a.aac", silence("aac", 1))
    tags: Any = id3.ID3()
    tags.add(id3.TIT2(encoding=3, text="Song"))
    tags.save(path)
    assert tags_of(path).title == "Song"


def test_volumes_of_id3_stand_in_for_replaygain(tmp_path: Path) -> None:
    file = opened(tmp_path / "a.mp3", "mp3")
    file.tags.add(id3.RVA2(desc="track", channel=1, gain=-6.5, peak=0.5))
    file.save()
    tags = tags_of(tmp_path / "a.mp3")
    assert (tags.replaygain_track_gain_db, tags.replaygain_track_peak) == (-6.5, 0.5)


def test_volumes_of_id3_give_way_to_replaygain_written_out(tmp_path: Path) -> None:
    volume = id3.RVA2(desc="track", channel=1, gain=-6.11, peak=0.5)
    written = id3.TXXX(encoding=3, desc="replaygain_track_gain", text="-6.11 dB")
    for name, frames in (("a.mp3", (volume, written)), ("b.mp3", (written, volume))):
        file = opened(tmp_path / name, "mp3")
        for frame in frames:
            file.tags.add(frame)
        file.save()
        assert tags_of(tmp_path / name).replaygain_track_gain_db == -6.11


def test_opus_gain_is_told_as_replaygain(tmp_path: Path) -> None:
    file = opened(tmp_path / "a.opus", "opus")
    file.tags["R128_TRACK_GAIN"] = ["-2560"]
    file.save()
    assert tags_of(tmp_path / "a.opus").replaygain_track_gain_db == -5.0


def test_encoder_of_the_stream_when_tags_name_none(tmp_path: Path) -> None:
    opened(tmp_path / "a.flac", "flac").save()
    assert tags_of(tmp_path / "a.flac").encoder == "Needle demo"


@pytest.mark.parametrize("form", ["flac", "ogg", "opus", "oggflac", "spx"])
def test_encoder_of_the_stream_gives_way_to_any_in_tags(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{extension(form)}"
    file = opened(path, form)
    for name, text, encoder in (
        ("ENCODER", " ", VENDOR.decode()),
        ("ENCODEDBY", "Somebody", "Somebody"),
    ):
        file.tags[name] = [text]
        file.save()
        assert tags_of(path).encoder == encoder


def test_pictures_are_counted_by_kind_and_bytes(tmp_path: Path) -> None:
    small, large = b"p" * 100, b"P" * 500_000
    mp3 = opened(tmp_path / "a.mp3", "mp3")
    mp3.tags.add(id3.APIC(encoding=3, mime="image/png", type=3, desc="one", data=large))
    mp3.tags.add(id3.APIC(encoding=1, mime="image/png", type=4, desc="two", data=small))
    mp3.save()
    front, back = Picture(), Picture()  # type: ignore[no-untyped-call]
    front.type, front.data, back.type, back.data = 3, large, 4, small
    flac = opened(tmp_path / "a.flac", "flac")
    flac.add_picture(front)
    flac.add_picture(back)
    flac.save()
    ogg = opened(tmp_path / "a.ogg", "ogg")
    ogg.tags["METADATA_BLOCK_PICTURE"] = [
        base64.b64encode(picture.write()).decode() for picture in (front, back)
    ]
    ogg.save()
    wma = opened(tmp_path / "a.wma", "wma")
    wma.tags["WM/Picture"] = [
        struct.pack("<BI", kind, len(data)) + b"\0\0\0\0" + data
        for kind, data in ((3, large), (4, small))
    ]
    wma.save()
    ape = opened(tmp_path / "a.ape", "ape")
    ape.tags["Cover Art (Front)"] = APEValue(b"front.png\0" + large, BINARY)  # type: ignore[no-untyped-call]
    ape.tags["Cover Art (Back)"] = APEValue(b"back.png\0" + small, BINARY)  # type: ignore[no-untyped-call]
    ape.save()
    for name in ("a.mp3", "a.flac", "a.ogg", "a.wma", "a.ape"):
        tags = tags_of(tmp_path / name)
        assert (tags.cover_count, tags.cover_bytes) == (2, 500_100), name
        assert set(tags.cover_kinds) == {"front", "back"}, name


def test_tags_may_hold_anything_and_come_out_clean(tmp_path: Path) -> None:
    file = opened(tmp_path / "a.flac", "flac")
    file.tags["TITLE"] = ["\x1b[31m<script>\u202e\ufffe\x00"]
    file.tags["ARTIST"] = ["  ", "\x01", "Café"]
    file.tags["TRACKNUMBER"] = ["garbage"]
    file.tags["DATE"] = ["yesterday"]
    file.tags["BPM"] = ["nan"]
    file.tags["REPLAYGAIN_TRACK_GAIN"] = ["1e400 dB"]
    file.save()
    tags = tags_of(tmp_path / "a.flac")
    assert tags == Tags(title="[31m<script>\u202e", artists=("Café",), encoder="Needle demo")
