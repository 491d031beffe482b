"""What our own writer puts into a file comes out of the reader: every format, every field."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.demo.audio import FORMATS, extension, silence
from cli.demo.tagging import Covers, write_tags
from cli.demo.xiph import VENDOR
from tests.worker.library.files import read, write
from worker.library.model import Tags

#: Streams that tell who made them.
STREAM_ENCODERS = {"mp3 vbr": "LAME 3.100.0+"}
VORBIS_FORMATS = ("flac", "ogg", "opus", "oggflac", "spx")

text = (
    st.text(st.characters(exclude_categories=("C", "Zl", "Zp", "Zs")), min_size=1, max_size=20)
    .map(lambda s: unicodedata.normalize("NFC", s))
    .filter(lambda s: s.strip() == s)
)
texts = st.lists(text, max_size=3).map(tuple)
word = st.text(st.characters(categories=("Ll", "Lo")), min_size=3, max_size=12).map(
    lambda s: unicodedata.normalize("NFC", s)
)
number = st.none() | st.integers(1, 9999)
identifier = st.uuids().map(str)
identifiers = st.lists(identifier, max_size=3).map(tuple)
date = (
    st.dates()
    .flatmap(
        lambda d: st.sampled_from([f"{d.year:04d}", f"{d.year:04d}-{d.month:02d}", d.isoformat()])
    )
    .filter(lambda s: s >= "1000")
)
gain_db = st.none() | st.integers(-10_000, 10_000).map(lambda n: n / 100)
peak = st.none() | st.integers(0, 2_000_000).map(lambda n: n / 1_000_000)

tags_strategy = st.builds(
    Tags,
    title=st.none() | text,
    artists=texts,
    album=st.none() | text,
    album_artists=texts,
    genres=st.lists(word, max_size=3, unique=True).map(tuple),
    composers=texts,
    track_number=number,
    track_total=number,
    disc_number=number,
    disc_total=number,
    date=st.none() | date,
    original_date=st.none() | date,
    compilation=st.booleans(),
    title_sort=st.none() | text,
    album_sort=st.none() | text,
    artist_sorts=texts,
    album_artist_sorts=texts,
    label=st.none() | text,
    catalog_number=st.none() | text,
    barcode=st.none() | text,
    comment=st.none() | text,
    has_lyrics=st.booleans(),
    bpm=st.none() | st.integers(1, 100_000).map(lambda n: n / 100),
    key=st.none() | text,
    isrcs=texts,
    encoder=st.none() | text,
    mb_recording_id=st.none() | identifier,
    mb_track_id=st.none() | identifier,
    mb_release_id=st.none() | identifier,
    mb_release_group_id=st.none() | identifier,
    mb_artist_ids=identifiers,
    mb_album_artist_ids=identifiers,
    acoustid_id=st.none() | identifier,
    replaygain_track_gain_db=gain_db,
    replaygain_track_peak=peak,
    replaygain_album_gain_db=gain_db,
    replaygain_album_peak=peak,
)
covers_strategy = st.lists(
    st.tuples(st.sampled_from(("front", "back", "other", "artist")), st.binary(min_size=1)),
    max_size=3,
    unique_by=lambda cover: cover[0],
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("round trip")


def test_the_strategy_knows_every_field() -> None:
    made = set(Tags._fields)
    covers = {"cover_count", "cover_kinds", "cover_bytes"}
    assert set(tags_strategy.wrapped_strategy.kwargs) | covers == made  # type: ignore[attr-defined]


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=30, deadline=None)
@given(tags=tags_strategy, covers=covers_strategy)
def test_tags_written_are_tags_read(form: str, folder: Path, tags: Tags, covers: Covers) -> None:
    path = write(folder / f"a.{extension(form)}", silence(form, 1))
    write_tags(path, tags, covers)
    found = read(path).tags
    assert found is not None
    # The order of pictures is not kept by every format.
    found = found._replace(cover_kinds=tuple(sorted(found.cover_kinds)))
    assert found == expected(form, tags, covers)


def expected(form: str, tags: Tags, covers: Covers) -> Tags:
    kinds = {"front" if form == "m4a" else kind for kind, _ in covers}
    vendor = VENDOR.decode() if form in VORBIS_FORMATS else STREAM_ENCODERS.get(form)
    return tags._replace(
        encoder=tags.encoder or vendor,
        cover_count=len(covers),
        cover_kinds=tuple(sorted(kinds)),
        cover_bytes=sum(len(data) for _, data in covers),
    )
