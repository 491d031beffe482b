"""The demo library: whole, always the same, and believable to our own reader."""

from __future__ import annotations

import os
import zlib
from collections import Counter
from pathlib import Path

import pytest

from cli.demo.cover import cover_png
from cli.demo.library import make_library
from worker.library.model import FileResult, Folder, Tags
from worker.library.reader import Reader
from worker.library.walk import walk


def read_all(folder: Path) -> list[FileResult]:
    root = os.fsencode(folder)
    with Reader(root) as reader:
        return [
            reader.read(file)
            for entry in walk(root)
            if isinstance(entry, Folder)
            for file in entry.files
        ]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "Music"
    assert make_library(folder, files=300) == 300
    return folder


def test_it_has_the_files_asked_for(library: Path) -> None:
    assert len(read_all(library)) == 300


def test_it_has_many_formats_scripts_and_kinds_of_albums(library: Path) -> None:
    good = [r for r in read_all(library) if r.outcome is None and r.tags and r.audio]
    assert len(good) == 296
    assert len({r.audio.format for r in good if r.audio}) >= 10
    tags = [r.tags for r in good if r.tags]
    names = "".join(name for t in tags for name in (t.title or "", *t.artists))
    for letter in ("é", "の", "Μ", "ل", "Т"):
        assert letter in names
    assert any(t.compilation and t.album_artists == ("Various Artists",) for t in tags)
    assert any(t.disc_total == 2 for t in tags)
    assert any(len(t.artists) == 2 for t in tags)
    assert any(len(t.genres) == 2 for t in tags)
    assert any(t.cover_count for t in tags)
    assert any(t.mb_release_id for t in tags)


def test_a_light_one_has_the_same_tags_on_less_disk(library: Path, tmp_path: Path) -> None:
    make_library(tmp_path / "Light", files=300, light=True)

    def tags(folder: Path) -> list[Tags | None]:
        read = sorted(read_all(folder), key=lambda result: result.path)
        return [
            r.tags and r.tags._replace(cover_count=0, cover_kinds=(), cover_bytes=0) for r in read
        ]

    assert tags(tmp_path / "Light") == tags(library)
    assert disk_bytes(tmp_path / "Light") < disk_bytes(library) / 5


def disk_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_it_has_the_bad_files_of_every_old_library(library: Path) -> None:
    bad = {
        os.path.basename(r.path): (str(r.outcome), r.error_class, r.flags)
        for r in read_all(library)
        if r.path.startswith(b"Unsorted/")
    }
    assert bad == {
        b"empty.mp3": ("unreadable", "EmptyFile", ()),
        b"truncated.flac": ("unreadable", "flac.error", ()),
        b"a text.mp3": ("unreadable", "HeaderNotFoundError", ()),
        b"really flac.mp3": ("None", "", ("mislabelled",)),
        b"tags without music.mp3": ("tags_only", "HeaderNotFoundError", ()),
    }


def test_titles_are_unique_in_an_album(library: Path) -> None:
    folders = Counter(
        (os.path.dirname(r.path), r.tags.title) for r in read_all(library) if r.tags is not None
    )
    assert set(folders.values()) == {1}


def test_it_is_the_same_every_time(library: Path, tmp_path: Path) -> None:
    make_library(tmp_path, files=40)
    make_library(tmp_path / "again", files=40)
    for path in tmp_path.rglob("*"):
        relative = path.relative_to(tmp_path)
        if path.is_file() and relative.parts[0] != "again":
            assert (tmp_path / "again" / relative).read_bytes() == path.read_bytes()


def test_another_seed_makes_another_library(tmp_path: Path) -> None:
    make_library(tmp_path / "1", files=20, seed=1)
    make_library(tmp_path / "2", files=20, seed=2)
    names = [{p.name for p in (tmp_path / seed).rglob("*.*")} for seed in ("1", "2")]
    assert names[0] != names[1]


def test_a_library_that_is_there_is_left_alone(tmp_path: Path) -> None:
    make_library(tmp_path, files=10)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert make_library(tmp_path, files=10) == 10
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_cover_is_a_whole_png() -> None:
    data = cover_png(0x336699)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    start = data.index(b"IDAT") + 4
    pixels = zlib.decompress(data[start : data.index(b"IEND") - 8])
    assert len(pixels) == 96 * (1 + 3 * 96)
    assert 5_000 < len(data) < 50_000
