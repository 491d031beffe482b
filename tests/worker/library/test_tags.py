"""Tags as other programs write them, by the names they use, in every family."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mutagen import id3

from cli.demo.xiph import VENDOR
from tests.worker.library.files import opened, tags_of
from worker.library.model import Tags

RECORDING = "b1a9c0e9-0000-4000-8000-000000000001"
TRACK = "b1a9c0e9-0000-4000-8000-000000000002"
RELEASE = "b1a9c0e9-0000-4000-8000-000000000003"
GROUP = "b1a9c0e9-0000-4000-8000-000000000004"
ARTIST = "b1a9c0e9-0000-4000-8000-000000000005"
ALBUM_ARTIST = "b1a9c0e9-0000-4000-8000-000000000006"
ACOUSTID = "b1a9c0e9-0000-4000-8000-000000000007"

#: What MusicBrainz Picard's files below say.
EXPECTED = Tags(
    title="Song",
    artists=("Ann", "Bob"),
    album="Album",
    album_artists=("Ann",),
    genres=("Rock", "Pop"),
    composers=("Cleo",),
    track_number=3,
    track_total=12,
    disc_number=1,
    disc_total=2,
    date="2001-02-03",
    original_date="1999-12-31",
    compilation=True,
    title_sort="song",
    album_sort="album",
    artist_sorts=("A, Ann",),
    album_artist_sorts=("A, Ann",),
    label="Label",
    catalog_number="CAT-1",
    barcode="0123456789012",
    comment="A comment",
    has_lyrics=True,
    bpm=120.0,
    key="Am",
    isrcs=("FRX000000001",),
    encoder="Encoder 1.0",
    mb_recording_id=RECORDING,
    mb_track_id=TRACK,
    mb_release_id=RELEASE,
    mb_release_group_id=GROUP,
    mb_artist_ids=(ARTIST, ALBUM_ARTIST),
    mb_album_artist_ids=(ALBUM_ARTIST,),
    acoustid_id=ACOUSTID,
    replaygain_track_gain_db=-7.03,
    replaygain_track_peak=0.988,
    replaygain_album_gain_db=-6.5,
    replaygain_album_peak=1.0,
)

VORBIS: dict[str, list[str]] = {
    "TITLE": ["Song"],
    "ARTIST": ["Ann", "Bob"],
    "ALBUM": ["Album"],
    "ALBUMARTIST": ["Ann"],
    "GENRE": ["Rock", "Pop"],
    "COMPOSER": ["Cleo"],
    "TRACKNUMBER": ["3"],
    "TRACKTOTAL": ["12"],
    "TOTALTRACKS": ["12"],
    "DISCNUMBER": ["1"],
    "DISCTOTAL": ["2"],
    "DATE": ["2001-02-03"],
    "ORIGINALDATE": ["1999-12-31"],
    "ORIGINALYEAR": ["1999"],
    "COMPILATION": ["1"],
    "TITLESORT": ["song"],
    "ALBUMSORT": ["album"],
    "ARTISTSORT": ["A, Ann"],
    "ALBUMARTISTSORT": ["A, Ann"],
    "LABEL": ["Label"],
    "CATALOGNUMBER": ["CAT-1"],
    "BARCODE": ["0123456789012"],
    "COMMENT": ["A comment"],
    "LYRICS": ["La la"],
    "BPM": ["120"],
    "KEY": ["Am"],
    "ISRC": ["FRX000000001"],
    "ENCODER": ["Encoder 1.0"],
    "MUSICBRAINZ_TRACKID": [RECORDING],
    "MUSICBRAINZ_RELEASETRACKID": [TRACK],
    "MUSICBRAINZ_ALBUMID": [RELEASE],
    "MUSICBRAINZ_RELEASEGROUPID": [GROUP],
    "MUSICBRAINZ_ARTISTID": [ARTIST, ALBUM_ARTIST],
    "MUSICBRAINZ_ALBUMARTISTID": [ALBUM_ARTIST],
    "ACOUSTID_ID": [ACOUSTID],
    "REPLAYGAIN_TRACK_GAIN": ["-7.03 dB"],
    "REPLAYGAIN_TRACK_PEAK": ["0.988"],
    "REPLAYGAIN_ALBUM_GAIN": ["-6.50 dB"],
    "REPLAYGAIN_ALBUM_PEAK": ["1.000000"],
}

ID3_TEXTS: dict[str, list[str]] = {
    "TIT2": ["Song"],
    "TPE1": ["Ann", "Bob"],
    "TALB": ["Album"],
    "TPE2": ["Ann"],
    "TCON": ["Rock", "Pop"],
    "TCOM": ["Cleo"],
    "TRCK": ["3/12"],
    "TPOS": ["1/2"],
    "TDRC": ["2001-02-03"],
    "TDOR": ["1999-12-31"],
    "TCMP": ["1"],
    "TSOT": ["song"],
    "TSOA": ["album"],
    "TSOP": ["A, Ann"],
    "TSO2": ["A, Ann"],
    "TPUB": ["Label"],
    "TBPM": ["120"],
    "TKEY": ["Am"],
    "TSRC": ["FRX000000001"],
    "TSSE": ["Encoder 1.0"],
}
ID3_DESCRIBED: dict[str, list[str]] = {
    "CATALOGNUMBER": ["CAT-1"],
    "BARCODE": ["0123456789012"],
    "MusicBrainz Release Track Id": [TRACK],
    "MusicBrainz Album Id": [RELEASE],
    "MusicBrainz Release Group Id": [GROUP],
    "MusicBrainz Artist Id": [ARTIST, ALBUM_ARTIST],
    "MusicBrainz Album Artist Id": [ALBUM_ARTIST],
    "Acoustid Id": [ACOUSTID],
    "REPLAYGAIN_TRACK_GAIN": ["-7.03 dB"],
    "replaygain_track_peak": ["0.988"],
    "REPLAYGAIN_ALBUM_GAIN": ["-6.50 dB"],
    "REPLAYGAIN_ALBUM_PEAK": ["1.000000"],
}

MP4: dict[str, Any] = {
    "©nam": "Song",
    "©ART": ["Ann", "Bob"],
    "©alb": "Album",
    "aART": "Ann",
    "©gen": ["Rock", "Pop"],
    "©wrt": "Cleo",
    "trkn": [(3, 12)],
    "disk": [(1, 2)],
    "©day": "2001-02-03",
    "cpil": True,
    "sonm": "song",
    "soal": "album",
    "soar": "A, Ann",
    "soaa": "A, Ann",
    "©cmt": "A comment",
    "©lyr": "La la",
    "tmpo": [120],
    "©too": "Encoder 1.0",
}
MP4_FREE: dict[str, list[str]] = {
    "originaldate": ["1999-12-31"],
    "LABEL": ["Label"],
    "CATALOGNUMBER": ["CAT-1"],
    "BARCODE": ["0123456789012"],
    "initialkey": ["Am"],
    "ISRC": ["FRX000000001"],
    "MusicBrainz Track Id": [RECORDING],
    "MusicBrainz Release Track Id": [TRACK],
    "MusicBrainz Album Id": [RELEASE],
    "MusicBrainz Release Group Id": [GROUP],
    "MusicBrainz Artist Id": [ARTIST, ALBUM_ARTIST],
    "MusicBrainz Album Artist Id": [ALBUM_ARTIST],
    "Acoustid Id": [ACOUSTID],
    "replaygain_track_gain": ["-7.03 dB"],
    "replaygain_track_peak": ["0.988"],
    "replaygain_album_gain": ["-6.50 dB"],
    "replaygain_album_peak": ["1.000000"],
}

ASF: dict[str, list[str]] = {
    "Title": ["Song"],
    "Author": ["Ann", "Bob"],
    "WM/AlbumTitle": ["Album"],
    "WM/AlbumArtist": ["Ann"],
    "WM/Genre": ["Rock", "Pop"],
    "WM/Composer": ["Cleo"],
    "WM/TrackNumber": ["3"],
    "TotalTracks": ["12"],
    "WM/PartOfSet": ["1/2"],
    "WM/Year": ["2001-02-03"],
    "WM/OriginalReleaseTime": ["1999-12-31"],
    "WM/IsCompilation": ["1"],
    "WM/TitleSortOrder": ["song"],
    "WM/AlbumSortOrder": ["album"],
    "WM/ArtistSortOrder": ["A, Ann"],
    "WM/AlbumArtistSortOrder": ["A, Ann"],
    "WM/Publisher": ["Label"],
    "WM/CatalogNo": ["CAT-1"],
    "WM/Barcode": ["0123456789012"],
    "Description": ["A comment"],
    "WM/Lyrics": ["La la"],
    "WM/BeatsPerMinute": ["120"],
    "WM/InitialKey": ["Am"],
    "WM/ISRC": ["FRX000000001"],
    "WM/EncodingSettings": ["Encoder 1.0"],
    "MusicBrainz/Track Id": [RECORDING],
    "MusicBrainz/Release Track Id": [TRACK],
    "MusicBrainz/Album Id": [RELEASE],
    "MusicBrainz/Release Group Id": [GROUP],
    "MusicBrainz/Artist Id": [ARTIST, ALBUM_ARTIST],
    "MusicBrainz/Album Artist Id": [ALBUM_ARTIST],
    "Acoustid/Id": [ACOUSTID],
    "REPLAYGAIN_TRACK_GAIN": ["-7.03 dB"],
    "REPLAYGAIN_TRACK_PEAK": ["0.988"],
    "REPLAYGAIN_ALBUM_GAIN": ["-6.50 dB"],
    "REPLAYGAIN_ALBUM_PEAK": ["1.000000"],
}


@pytest.mark.parametrize("form", ["flac", "ogg", "opus", "oggflac", "spx"])
def test_vorbis_comments(form: str, tmp_path: Path) -> None:
    file = opened(tmp_path / f"a.{form}", form)
    for name, texts in VORBIS.items():
        file.tags[name] = texts
    file.save()
    assert tags_of(tmp_path / f"a.{form}") == EXPECTED


@pytest.mark.parametrize("form", ["mp3", "wav", "aiff", "tta", "dsf"])
def test_id3(form: str, tmp_path: Path) -> None:
    file = opened(tmp_path / f"a.{form}", form)
    for name, texts in ID3_TEXTS.items():
        file.tags.add(id3.Frames[name](encoding=3, text=texts))
    for description, texts in ID3_DESCRIBED.items():
        file.tags.add(id3.TXXX(encoding=1, desc=description, text=texts))
    file.tags.add(id3.UFID(owner="http://musicbrainz.org", data=RECORDING.encode()))
    file.tags.add(id3.COMM(encoding=3, lang="eng", desc="iTunNORM", text=" 00000001"))
    file.tags.add(id3.COMM(encoding=3, lang="eng", desc="", text="A comment"))
    file.tags.add(id3.USLT(encoding=3, lang="eng", desc="", text="La la"))
    file.save()
    assert tags_of(tmp_path / f"a.{form}") == EXPECTED


def test_mp4(tmp_path: Path) -> None:
    file = opened(tmp_path / "a.m4a", "m4a")
    for name, value in MP4.items():
        file.tags[name] = value
    for name, texts in MP4_FREE.items():
        file.tags[f"----:com.apple.iTunes:{name}"] = [text.encode() for text in texts]
    file.save()
    assert tags_of(tmp_path / "a.m4a") == EXPECTED


def test_asf(tmp_path: Path) -> None:
    file = opened(tmp_path / "a.wma", "wma")
    for name, texts in ASF.items():
        file.tags[name] = texts
    file.save()
    assert tags_of(tmp_path / "a.wma") == EXPECTED


@pytest.mark.parametrize("form", ["ape", "wv", "mpc"])
def test_ape(form: str, tmp_path: Path) -> None:
    file = opened(tmp_path / f"a.{form}", form)
    other_names = {"TRACKNUMBER": "Track", "DISCNUMBER": "Disc", "DATE": "Year"}
    for name, texts in VORBIS.items():
        file.tags[other_names.get(name, name.title())] = texts  # several are joined by NUL
    file.save()
    assert tags_of(tmp_path / f"a.{form}") == EXPECTED


def test_names_that_few_programs_write(tmp_path: Path) -> None:
    vorbis = opened(tmp_path / "a.flac", "flac")
    for name, text in (("TRACKC", "12"), ("DISCC", "2"), ("CATALOGID", "CAT-1")):
        vorbis.tags[name] = [text]
    vorbis.save()
    assert tags_of(tmp_path / "a.flac") == Tags(
        track_total=12, disc_total=2, catalog_number="CAT-1", encoder=VENDOR.decode()
    )
    asf = opened(tmp_path / "a.wma", "wma")
    asf.tags["INITIALKEY"], asf.tags["DISCOGS_CATALOG"] = ["Am"], ["CAT-1"]
    asf.save()
    assert tags_of(tmp_path / "a.wma") == Tags(key="Am", catalog_number="CAT-1")
    file = opened(tmp_path / "a.mp3", "mp3")
    file.tags.add(id3.TXXX(encoding=3, desc="originalyear", text="1999"))
    file.save()
    assert tags_of(tmp_path / "a.mp3") == Tags(original_date="1999")
