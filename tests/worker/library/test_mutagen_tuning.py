"""What is changed of mutagen is still where we change it, and changes no result."""

from __future__ import annotations

import io
import random
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mutagen.id3._frames
import mutagen.id3._specs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mutagen import id3
from mutagen._util import decode_terminated as plain_decode
from mutagen._vorbis import VCommentDict, is_valid_key
from mutagen.aiff import AIFF
from mutagen.flac import FLAC
from mutagen.id3 import ID3
from mutagen.id3._tags import determine_bpi
from mutagen.mp3 import MPEGInfo
from mutagen.mp4 import MP4
from mutagen.wave import WAVE

from cli.demo.audio import silence
from cli.demo.library import make_library
from cli.demo.tagging import write_tags
from tests.worker.library.files import read, write
from worker.library import mutagen_tuning
from worker.library.fast_id3 import FastID3, has_synchsafe_sizes
from worker.library.model import Tags
from worker.library.mutagen_tuning import FastFLAC, FastMP4
from worker.library.sources import add_flac_pictures, source_of


@pytest.fixture
def plain_mutagen() -> Iterator[None]:
    """Mutagen as it comes."""
    mutagen_tuning.remove()
    yield
    mutagen_tuning.install()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    make_library(folder, files=300, seed=7)
    return folder


def test_mutagen_still_uses_what_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[str] = []

    class NotedZlib(mutagen_tuning.CappedZlib):
        @staticmethod
        def decompress(data: bytes) -> bytes:
            used.append("zlib")
            return mutagen_tuning.CappedZlib.decompress(data)

    def noted_decode(*args: Any, **kwargs: Any) -> Any:
        used.append("decode")
        return mutagen_tuning.decode_terminated(*args, **kwargs)

    def noted_key(key: str) -> bool:
        used.append("key")
        return is_valid_key(key)

    monkeypatch.setattr(mutagen_tuning._frames, "zlib", NotedZlib)
    monkeypatch.setattr(mutagen_tuning._specs, "decode_terminated", noted_decode)
    monkeypatch.setattr(mutagen_tuning._vorbis, "is_valid_key", noted_key)
    packed = zlib.compress(b"\x01\xff\xfea\0")
    frame = b"TIT2" + bytes((0, 0, 0, len(packed) + 4)) + b"\0\x09" + bytes(4) + packed
    assert str(ID3(io.BytesIO(b"ID3\4\0\0\0\0\0" + bytes((len(frame),)) + frame))["TIT2"]) == "a"
    VCommentDict(b"\0\0\0\0\1\0\0\0\3\0\0\0a=b\1")
    assert set(used) == {"zlib", "decode", "key"}


def test_install_and_remove_reach_mutagen() -> None:
    mutagen_tuning.remove()
    assert vars(mutagen.id3._frames)["zlib"] is zlib
    assert vars(mutagen.id3._specs)["decode_terminated"] is plain_decode
    mutagen_tuning.install()
    assert vars(mutagen.id3._frames)["zlib"] is mutagen_tuning.CappedZlib
    assert vars(mutagen.id3._specs)["decode_terminated"] is mutagen_tuning.decode_terminated


@pytest.mark.parametrize("data", [b"", b"x", zlib.compress(b"text"), zlib.compress(b"text")[:-3]])
def test_capped_zlib_is_zlib_within_the_cap(data: bytes) -> None:
    try:
        expected = zlib.decompress(data)
    except zlib.error:
        with pytest.raises(zlib.error):
            mutagen_tuning.CappedZlib.decompress(data)
    else:
        assert mutagen_tuning.CappedZlib.decompress(data) == expected


def test_capped_zlib_refuses_a_bomb() -> None:
    with pytest.raises(zlib.error, match="over the cap"):
        mutagen_tuning.CappedZlib.decompress(zlib.compress(bytes(100 << 20)))


def decoded(decode: Any, *args: Any) -> object:
    try:
        return decode(*args)
    except ValueError:
        return ValueError


pieces = st.lists(
    st.sampled_from([b"\0", b"\0\0", b"\xff\xfe", b"\xfe\xff", b"a", b"a\0", b"\0a", b"\xd8\x3d"])
    | st.binary(max_size=3),
    max_size=8,
).map(b"".join)


@given(pieces, st.sampled_from(["latin1", "utf16", "utf_16_be", "utf8"]), st.booleans())
@example(b"\xff\xfea\0\0\0b\0", "utf16", False)
@example(b"\xff\xfe\xff\xfea\0", "utf16", False)
@example(b"\xff\xfe\x00\x61\x00\x00", "utf16", True)
@example(b"\0\0", "utf16", False)
def test_text_is_decoded_as_mutagen_does(data: bytes, encoding: str, strict: bool) -> None:
    ours = decoded(mutagen_tuning.decode_terminated, data, encoding, strict)
    assert ours == decoded(plain_decode, data, encoding, strict)


sizes = st.one_of(st.integers(0, 300), st.integers(0, 2**32 - 1)).map(
    lambda n: n.to_bytes(4, "big")
)
frames = st.lists(
    st.tuples(
        st.sampled_from([b"TIT2", b"TPE1", b"APIC", b"ABCD", b"\0\0\0\0", b"\xff\xff\xff\xff"]),
        sizes,
        st.sampled_from([b"\0\0", b"\0\1"]),
        st.binary(max_size=300),
    ).map(b"".join),
    max_size=6,
).map(b"".join)


@given(frames)
def test_frame_sizes_are_understood_as_mutagen_does(data: bytes) -> None:
    plain: Any = determine_bpi
    assert has_synchsafe_sizes(data) == (plain(data, id3.Frames) is not int)


def comparable(tags: Any) -> object:
    """All of ID3 tags that Needle uses; of pictures what it counts."""
    source = source_of(tags)
    assert source is not None
    return source.values, sorted(source.pictures), source.joined_names


def random_tag(rng: random.Random) -> bytes:
    """An ID3 tag of any version with odd frames in it."""
    version = rng.choice((2, 3, 4))
    names = (
        [b"TT2", b"TP1", b"PIC", b"COM"]
        if version == 2
        else [
            *(
                b"TIT2",
                b"TPE1",
                b"TPE1",
                b"TCON",
                b"TDRC",
                b"TYER",
                b"TDAT",
                b"TORY",
                b"TXXX",
                b"COMM",
            ),
            *(b"UFID", b"USLT", b"APIC", b"RVA2", b"PRIV", b"TT2\0", b"\xff\xff\xff\xff", b"WXXX"),
        ]
    )
    body = b""
    for _ in range(rng.randint(0, 12)):
        text = rng.choice(
            (
                *(b"\x00text", b"\x03a\0b", b"\x01\xff\xfea\0", b"\x01\xff\xfea\0\0\0\xff\xfeb\0"),
                *(b"\x02\0a", b"\x03(17)", b"\x03", b"", b"\x09odd", b"\x012001", b"\x001999\0\0"),
                *(b"\x00image/png\0\x03\0" + bytes(rng.randint(0, 9000)), rng.randbytes(20)),
                *(
                    b"\x001999-12-24",
                    b"\x002412",
                    b"\x001999-1",
                    b"\x00\x001999",
                    b"\x012001\0",
                    b"\x0024122",
                ),
                *(b"\x01\xff\xfed\0\0\0\xff\xfev\0", b"\x01\xff\xfed\0\0\0\xfe\xff\0v"),
                *(b"track\0\1\0\1\x10\x40\0", b"\x03engdesc\0text", b"\x03desc\0one\0two"),
            )
        )
        size = len(text) + rng.choice((0, 0, 0, 0, 5, -1))
        size = max(size, 0)
        if version == 2:
            body += rng.choice(names) + size.to_bytes(3, "big") + text
        else:
            safe = version == 4 and rng.random() < 0.8
            head = (
                bytes(size >> s & 0x7F for s in (21, 14, 7, 0)) if safe else size.to_bytes(4, "big")
            )
            flags = rng.choice((b"\0\0", b"\0\0", b"\0\0", b"\0\2", b"\0\x80", b"\0\x40"))
            body += rng.choice(names) + head + flags + text
    body += bytes(rng.choice((0, 0, 20)))
    size = len(body)
    flags = rng.choice((0, 0, 0, 0x80))
    return (
        b"ID3" + bytes((version, 0, flags)) + bytes(size >> s & 0x7F for s in (21, 14, 7, 0)) + body
    )


def loaded(kind: Any, data: bytes, path: Path) -> object:
    with io.BytesIO(data) if path == Path() else write(path, data).open("rb") as file:
        try:
            return comparable(kind(file))
        except Exception as error:
            return type(error)


def test_odd_id3_tags_read_the_same(tmp_path: Path) -> None:
    rng = random.Random(1)
    v1 = b"TAG" + b"Title".ljust(30, b"\0") + b"Ann".ljust(30, b"\0") + bytes(64) + b"\x11"
    for number in range(3000):
        data = random_tag(rng) + bytes(20) + rng.choice((b"", v1))
        mutagen_tuning.remove()
        plain = loaded(ID3, data, Path())
        mutagen_tuning.install()
        assert loaded(FastID3, data, Path()) == plain, data
        if number % 10 == 0:  # a file of the system's is looked at in another way
            assert loaded(FastID3, data, tmp_path / "a.mp3") == plain, data


def test_pictures_of_old_read_the_same() -> None:
    pictures = [b"\0PNG\0\0" + b"p" * size for size in (100, 200, 300)]  # all without a name
    body = b"".join(b"PIC" + len(data).to_bytes(3, "big") + data for data in pictures)
    tag = b"ID3\2\0\0" + bytes((0, 0, len(body) >> 7, len(body) & 0x7F)) + body
    mutagen_tuning.remove()
    plain = loaded(ID3, tag, Path())
    mutagen_tuning.install()
    assert loaded(FastID3, tag, Path()) == plain


@pytest.mark.usefixtures("plain_mutagen")
def test_a_library_reads_the_same(library: Path) -> None:
    kinds: dict[str, tuple[Any, Any]] = {
        ".mp3": (ID3, FastID3),
        ".flac": (FLAC, FastFLAC),
        ".m4a": (MP4, FastMP4),
        ".wav": (WAVE, WAVE),
        ".aiff": (AIFF, AIFF),
    }
    compared = 0
    for path in sorted(library.rglob("*")):
        if path.suffix not in kinds or path.parent.name == "Unsorted":
            continue
        plain_kind, fast_kind = kinds[path.suffix]
        mutagen_tuning.remove()
        plain = all_of(plain_kind(path))
        mutagen_tuning.install()
        with path.open("rb") as file:
            assert all_of(fast_kind(file)) == plain
        compared += 1
    assert compared > 100


def all_of(file: Any) -> object:
    if isinstance(file, ID3):
        return comparable(file)
    source = source_of(file.tags)
    assert source is not None
    if isinstance(file, FLAC):
        add_flac_pictures(source, file)
    return source, vars(file.info)


def stream_of(data: bytes) -> object:
    try:
        return vars(MPEGInfo(io.BytesIO(data)))
    except Exception as error:
        return type(error)


def test_mpeg_streams_read_the_same() -> None:
    rng = random.Random(2)
    heads = [silence(form, 1)[:4] for form in ("mp3", "mp2")]
    marks = (b"Xing", b"Info", b"VBRI", b"Xing\0\0\0\x0f" + b"\1" * 120 + b"LAME3.100")
    for _ in range(2000):
        data = b""
        for _ in range(rng.randint(0, 5)):
            head = rng.choice((*heads, b"\xff" + rng.randbytes(3)))
            body = bytearray(rng.choice((92, 92, 92, 412, 3)))
            if rng.random() < 0.3:
                at = rng.choice((9, 17, 32))
                body[at : at + 8] = rng.choice(marks)
            data += head + body
        mutagen_tuning.remove()
        plain = stream_of(data)
        mutagen_tuning.install()
        assert stream_of(data) == plain, data


def test_flac_picture_cut_off_is_an_error_as_in_mutagen(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac", silence("flac", 1))
    write_tags(path, Tags(title="a"), [("front", b"p" * 5000)])
    data = path.read_bytes()
    cut = data[: data.index(b"p" * 5000) + 4000]
    for kind in (FLAC, FastFLAC):
        with pytest.raises(mutagen.MutagenError):
            kind(io.BytesIO(cut))
    assert read(write(path, cut)).error_class == "flac.error"


@pytest.mark.parametrize("name", ["a.flac", "a.mp3"])  # the short way, and that by mutagen
def test_cue_sheet_that_is_broken_is_an_error_as_in_mutagen(name: str, tmp_path: Path) -> None:
    data = silence("flac", 1)
    broken = data[:42] + b"\x05\0\0\x20" + bytes(32) + data[42:]
    with pytest.raises(mutagen.MutagenError):
        FLAC(io.BytesIO(broken))
    assert read(write(tmp_path / name, broken)).error_class == "flac.error"
