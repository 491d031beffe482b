"""Files made to hang, to fill memory or to confuse: each is an outcome, in bounded time."""

from __future__ import annotations

import gc
import os
import random
import signal
import struct
import tracemalloc
import zlib
from pathlib import Path

import pytest
from mutagen import id3

from cli.demo.audio import FORMATS, extension, silence
from cli.demo.tagging import write_tags
from tests.worker.library.files import flac_with_comments, found, opened, read, write
from wire.outcomes import Outcome
from worker.library.model import Tags
from worker.library.reader import Reader


def id3_tag(frames: bytes, version: int = 4) -> bytes:
    size = len(frames)
    safe = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3" + bytes((version, 0, 0)) + safe + frames


def id3_frame(name: bytes, data: bytes, flags: int = 0) -> bytes:
    safe = bytes(len(data) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return name + safe + struct.pack(">H", flags) + data


def test_musepack_packet_that_leads_back_to_itself(tmp_path: Path) -> None:
    path = write(tmp_path / "loop.mpc", b"MPCKAA\x00".ljust(39, b"\0"))
    result = read(path, seconds=0.3)
    assert (result.outcome, result.error_class) == (Outcome.TIMED_OUT, "FileTimeout")
    assert result.message == "reading took longer than 0.3 s"


def test_mp4_cover_with_a_name_of_no_length(tmp_path: Path) -> None:
    path = write(tmp_path / "loop.m4a", silence("m4a", 1))
    write_tags(path, Tags(title="a"), [("front", b"picture")])
    data = path.read_bytes()
    at = data.index(b"covr") + 4
    path.write_bytes(data[:at] + bytes(4) + b"name" + data[at + 8 :])
    assert read(path, seconds=0.3).outcome is Outcome.TIMED_OUT


def test_compressed_frame_that_unpacks_to_gigabytes(tmp_path: Path) -> None:
    packed = bytes(4) + zlib.compress(bytes(300 << 20), 9)
    tag = id3_tag(id3_frame(b"TIT2", packed, 0x0009) + id3_frame(b"TPE1", b"\x03Somebody"))
    result = read(write(tmp_path / "bomb.mp3", tag + silence("mp3", 1)))
    assert result.outcome is None
    assert result.tags is not None
    assert (result.tags.title, result.tags.artists) == (None, ("Somebody",))


def test_a_million_values_in_one_frame(tmp_path: Path) -> None:
    tag = id3_tag(id3_frame(b"TPE1", b"\x03" + b"a\0" * 1_000_000))
    result = read(write(tmp_path / "values.mp3", tag + silence("mp3", 1)), seconds=0.5)
    assert result.outcome is Outcome.TIMED_OUT or (
        result.tags is not None and len(result.tags.artists) == 500
    )


def test_a_million_vorbis_comments(tmp_path: Path) -> None:
    path = write(tmp_path / "many.flac", flac_with_comments(1_000_000))
    result = read(path, seconds=60)
    assert result.tags is not None
    assert len(result.tags.artists) == 500
    assert "text_cut" in result.flags


def test_megabytes_of_text_are_cut(tmp_path: Path) -> None:
    path = write(tmp_path / "long.flac", silence("flac", 1))
    write_tags(path, Tags(title="t" * 3_000_000, comment="c" * 3_000_000))
    result = read(path)
    assert result.tags is not None
    assert result.tags.title == "t" * 1024
    assert result.tags.comment == "c" * 4096
    assert result.flags == ("text_cut",)


def test_a_file_that_wants_more_memory_than_it_may(tmp_path: Path) -> None:
    # A sparse file: a tag of 200 MB takes no room on the disk.
    path = write(tmp_path / "large.mp3", b"ID3\x04\x00\x00" + bytes((0x5F, 0x7F, 0x7F, 0x7F)))
    os.truncate(path, 300 << 20)
    with Reader(os.fsencode(tmp_path), memory_bytes=32 << 20) as reader:
        result = reader.read(found(path, tmp_path))
    assert (result.outcome, result.error_class) == (Outcome.TOO_LARGE, "MemoryError")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.mid", b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\x7f\xff\xff\xff"),
        ("a.wav", b"RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\x7f" + bytes(30)),
        ("a.flac", b"fLaC\x04\0\0\x08\xff\xff\xff\x7f" + bytes(30)),
    ],
)
def test_sizes_that_are_not_there_take_no_memory(name: str, data: bytes, tmp_path: Path) -> None:
    assert read(write(tmp_path / name, data)).outcome is not Outcome.TOO_LARGE


def put_long_names(form: str, path: Path, number: int) -> None:
    """Tags whose names, genres and dates are 100 KB long, and other ones for each `number`."""
    file, long = opened(path, form), f"{number}" + "x" * 100_000
    if form == "flac":
        file.tags[long] = ["a"]
    elif form == "m4a":
        file.tags["----:com.apple.iTunes:" + long] = [b"a"]
    else:
        file.tags.add(id3.TXXX(encoding=0, desc=long, text="a"))
        file.tags.add(id3.TCON(encoding=0, text=long))
        file.tags.add(id3.TDRC(encoding=0, text=f"{number}-x" + "x" * 100_000))
        file.tags.add(id3.TPE1(encoding=0, text=[long] * 50))
    file.save()


@pytest.mark.parametrize("form", ["flac", "m4a", "mp3"])
@pytest.mark.parametrize("is_short_way", [True, False])
def test_long_names_are_not_remembered(form: str, is_short_way: bool, tmp_path: Path) -> None:
    suffix = form if is_short_way else "wav"
    for number in range(40):
        path = tmp_path / f"{number}.{form}"
        put_long_names(form, path, number)
        path.rename(path.with_suffix(f".{suffix}"))
    read(tmp_path / f"0.{suffix}")
    tracemalloc.start()
    try:
        for number in range(1, 40):
            assert read(tmp_path / f"{number}.{suffix}").outcome is None
        gc.collect()
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept_bytes < 1 << 20


def test_one_hostile_file_harms_no_other(tmp_path: Path) -> None:
    good = write(tmp_path / "good.mp3", silence("mp3", 1))
    loop = write(tmp_path / "loop.mpc", b"MPCKAA\x00".ljust(39, b"\0"))
    with Reader(os.fsencode(tmp_path), file_timeout_seconds=0.2) as reader:
        outcomes = [reader.read(found(f, tmp_path)).outcome for f in (good, loop, good, loop, good)]
    assert outcomes == [None, Outcome.TIMED_OUT, None, Outcome.TIMED_OUT, None]


class SoftLimitError(Exception):
    """As Celery's: an ordinary exception out of a signal handler."""


def test_limits_of_the_caller_pass_through(tmp_path: Path) -> None:
    path = write(tmp_path / "loop.mpc", b"MPCKAA\x00".ljust(39, b"\0"))

    def raise_limit(_signal: int, _frame: object) -> None:
        raise SoftLimitError

    former = signal.signal(signal.SIGVTALRM, raise_limit)
    try:
        with Reader(os.fsencode(tmp_path), passthrough=(SoftLimitError,)) as reader:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0.1)
            with pytest.raises(SoftLimitError):
                reader.read(found(path, tmp_path))
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, former)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """`data` with a few bytes changed, a piece doubled, or its end gone."""
    changed = bytearray(data[:8192])
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(min(len(changed), 512))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
    if rng.random() < 0.3:
        at = rng.randrange(len(changed))
        changed[at:at] = changed[: rng.randrange(64)]
    if rng.random() < 0.3:
        del changed[rng.randrange(len(changed)) :]
    return bytes(changed)


@pytest.mark.parametrize("form", FORMATS)
def test_mutated_files_always_have_an_outcome(form: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"a.{extension(form)}", silence(form, 2))
    write_tags(path, Tags(title="Title", artists=("A", "B"), track_number=1), [("front", b"x")])
    data, rng = path.read_bytes(), random.Random(form)
    for _ in range(40):
        result = read(write(path, mutated(data, rng)), seconds=0.3)
        if result.outcome is None:
            assert result.tags is not None
            assert result.audio is not None
        else:
            assert result.error_class
            assert result.message
