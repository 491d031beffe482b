"""The short ways of reading give what mutagen gives, or leave the file to it."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.demo.audio import extension, silence
from cli.demo.library import make_library
from cli.demo.tagging import write_tags
from tests.worker.library.files import found, write
from tests.worker.library.test_mutagen_tuning import random_tag
from wire.outcomes import Outcome
from worker.library import lean
from worker.library.formats import format_of
from worker.library.model import FileResult, Folder, Tags
from worker.library.reader import Reader
from worker.library.walk import walk

FORMATS = ("mp3", "mp3 vbr", "flac", "m4a", "ogg", "opus")
FULL = Tags(
    title="Été",
    artists=("Ann", "Ben"),
    album="Album",
    album_artists=("Ann",),
    genres=("Rock", "Pop"),
    composers=("Cid",),
    track_number=3,
    track_total=12,
    disc_number=1,
    disc_total=2,
    date="2001-02-03",
    original_date="1999",
    compilation=True,
    title_sort="Ete",
    comment="A comment",
    has_lyrics=True,
    bpm=120.0,
    isrcs=("FRX123456789",),
    label="Label",
    barcode="0123456789012",
    mb_recording_id="0b7e6a8e-7f9c-4a3c-8d3e-1a2b3c4d5e6f",
    mb_release_id="1b7e6a8e-7f9c-4a3c-8d3e-1a2b3c4d5e6f",
    mb_artist_ids=("2b7e6a8e-7f9c-4a3c-8d3e-1a2b3c4d5e6f",),
    replaygain_track_gain_db=-7.5,
    replaygain_track_peak=0.98,
)
V1 = b"TAG" + b"Title".ljust(30, b"\0") + b"Ann".ljust(30, b"\0") + bytes(30) + b"1999"
V1 += b"Words".ljust(28, b"\0") + b"\0\7\x11"


def both(
    path: Path, monkeypatch: pytest.MonkeyPatch, *, seconds: float = 10
) -> tuple[FileResult, FileResult, bool]:
    """What the reader says, what it says by mutagen alone, and whether the short way was gone."""
    went = []
    read_lean = lean.read

    def noted(*args: object) -> lean.Lean:
        answer = read_lean(*args)  # type: ignore[arg-type]
        went.append(True)
        return answer

    def refuse(*_: object) -> lean.Lean:
        raise lean.Odd("not today")

    with Reader(os.fsencode(path.parent), file_timeout_seconds=seconds) as reader:
        file = found(path, path.parent)
        with monkeypatch.context() as patched:
            patched.setattr(lean, "read", noted)
            ours = reader.read(file)
            patched.setattr(lean, "read", refuse)
            return ours, reader.read(file), bool(went)


def tagged(form: str, folder: Path, *, id3_version: int = 4, covers: int = 1) -> Path:
    path = write(folder / f"a.{extension(form)}", silence(form, 2))
    write_tags(path, FULL, [("front", b"p" * 70_000)] * covers, id3_version=id3_version)
    return path


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("covers", [0, 1, 2])
def test_tagged_files_are_read_in_the_short_way(
    form: str, version: int, covers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tagged(form, tmp_path, id3_version=version, covers=covers)
    ours, plain, went = both(path, monkeypatch)
    assert went
    assert ours == plain
    assert ours.tags is not None
    assert (ours.tags.title, ours.tags.cover_count) == ("Été", covers)


def test_a_library_reads_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_library(tmp_path, files=300, seed=9)
    short = 0
    for entry in walk(os.fsencode(tmp_path)):
        assert isinstance(entry, Folder)
        for file in entry.files:
            ours, plain, went = both(tmp_path / os.fsdecode(file.path), monkeypatch)
            assert ours._replace(path=b"") == plain._replace(path=b"")
            short += went
    assert short > 150


def changed(data: bytes, rng: random.Random) -> bytes:
    """`data` with some of its bytes changed where tags and headers are, or with its end gone."""
    result = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(min(len(result), rng.choice((64, 600, 4000, len(result)))))
        result[at] = rng.choice((0, 1, 3, 0x20, 0x3D, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    if rng.random() < 0.2:
        at = rng.randrange(len(result))
        result[at:at] = result[: rng.randrange(64)]
    if rng.random() < 0.2:
        del result[rng.randrange(len(result)) :]
    return bytes(result)


@pytest.mark.parametrize("form", FORMATS)
def test_broken_files_read_the_same(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, short, outcomes = random.Random(form), 0, set()
    for number in range(150):
        if number % 50 == 0:
            path = tagged(form, tmp_path, id3_version=3 + number // 50 % 2, covers=number // 50)
            data = path.read_bytes()
        write(path, changed(data, rng))
        ours, plain, went = both(path, monkeypatch, seconds=0.5)
        if Outcome.TIMED_OUT in (ours.outcome, plain.outcome):
            continue
        assert ours == plain
        short += went
        outcomes.add(ours.outcome)
    assert short > 20  # or nothing was compared


def test_odd_id3_tags_read_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng, short = random.Random(3), 0
    music = silence("mp3", 1)
    for _ in range(1500):
        path = write(tmp_path / "a.mp3", random_tag(rng) + music + rng.choice((b"", V1)))
        ours, plain, went = both(path, monkeypatch)
        assert ours == plain, path.read_bytes()
        short += went
    assert short > 40


def test_old_dates_beside_blank_ones_read_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for frames in ({"TORY": b"\x001990\0 "}, {"TYER": b"\0 \x002001", "TDAT": b"\x000302"}):
        body = b"".join(
            name.encode() + len(data).to_bytes(4, "big") + bytes(2) + data
            for name, data in frames.items()
        )
        tag = b"ID3\3\0\0\0\0\0" + bytes([len(body)]) + body
        ours, plain, _ = both(write(tmp_path / "a.mp3", tag + silence("mp3", 1)), monkeypatch)
        assert ours == plain


def test_an_older_tag_at_the_end_adds_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.mp3", silence("mp3", 1))
    write_tags(path, Tags(title="A longer title"), id3_version=3)
    path.write_bytes(path.read_bytes() + V1)
    ours, plain, went = both(path, monkeypatch)
    assert went
    assert ours == plain
    assert ours.tags is not None
    assert (ours.tags.title, ours.tags.artists) == ("A longer title", ("Ann",))
    assert (ours.tags.date, ours.tags.track_number) == ("1999", 7)


def test_a_name_that_promises_something_else_is_left_to_mutagen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tagged("flac", tmp_path).rename(tmp_path / "a.mp3")
    ours, plain, went = both(path, monkeypatch)
    assert not went
    assert ours == plain
    assert ours.flags == ("mislabelled",)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[int, int]]:
    path = write(tmp_path / "a", bytes(range(256)) * 200)
    fd = os.open(path, os.O_RDONLY)
    yield fd, path.stat().st_size
    with contextlib.suppress(OSError):
        os.close(fd)


def test_window_gives_the_bytes_of_the_file(opened: tuple[int, int]) -> None:
    window = lean.Window(*opened)
    data = bytes(range(256)) * 200
    for offset, count in ((0, 10), (40_000, 300), (17, 20_000), (51_190, 10), (16_380, 10)):
        assert window.at(offset, count) == data[offset : offset + count]
    assert window.up_to(51_190, 500) == data[51_190:]
    with pytest.raises(lean.Odd):
        window.at(51_190, 11)
    with pytest.raises(lean.Odd):
        window.at(0, 1 << 30)
    assert format_of(b"a") is None
