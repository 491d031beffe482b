"""Every file ends in a result: what was read, or why not."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from cli.demo.audio import FORMATS, extension, silence
from cli.demo.tagging import write_tags
from tests.worker.library.files import flac_with_comments, found, read, write
from tests.worker.library.privileges import without_privileges
from wire.outcomes import Outcome
from worker.library.model import MAX_DURATION_SECONDS, FoundFile, Signature, Tags
from worker.library.opening import signature_of
from worker.library.reader import Reader

TAGS = Tags(title="Song", artists=("Somebody",))


def tagged(path: Path, form: str = "mp3") -> Path:
    write(path, silence(form, 3))
    write_tags(path, TAGS)
    return path


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_read_with_its_duration(form: str, tmp_path: Path) -> None:
    result = read(write(tmp_path / f"track.{extension(form)}", silence(form, 7.3)))
    assert (result.outcome, result.flags) == (None, ())
    assert result.audio is not None
    assert result.audio.duration_seconds == pytest.approx(7.3, abs=0.05)


@pytest.mark.parametrize("form", ["mp3", "flac", "ogg", "opus", "m4a", "wma", "wv", "aac"])
@pytest.mark.parametrize("name", ["wrong.mp3", "wrong.flac", "wrong.m4a", "wrong.ape", "wrong.mpc"])
def test_mislabelled_files_are_read_by_content(form: str, name: str, tmp_path: Path) -> None:
    result = read(write(tmp_path / name, silence(form, 3)))
    right = read(write(tmp_path / f"right.{extension(form)}", silence(form, 3)))
    assert result.audio == right.audio
    assert ("mislabelled" in result.flags) == (not name.endswith("." + form))


@pytest.mark.parametrize(
    ("name", "form"), [("a.oga", "ogg"), ("a.ogg", "opus"), ("a.ogg", "oggflac"), ("a.mp4", "m4a")]
)
def test_sister_extensions_are_no_mislabelling(name: str, form: str, tmp_path: Path) -> None:
    assert read(write(tmp_path / name, silence(form, 3))).flags == ()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.mka", b"\x1a\x45\xdf\xa3 matroska"),
        ("really matroska.mp3", b"\x1a\x45\xdf\xa3 matroska"),
        ("a.w64", b"riff\x2e\x91\xcf\x11"),
        ("a.wav", b"RF64\xff\xff\xff\xffWAVEds64"),
        ("a.caf", b"caff\0\1\0\0"),
        ("a.shn", b"ajkg\2"),
        ("a.mod", b"song name"),
    ],
)
def test_formats_nobody_reads_are_unsupported(name: str, data: bytes, tmp_path: Path) -> None:
    result = read(write(tmp_path / name, data))
    assert result.outcome is Outcome.UNSUPPORTED
    assert result.error_class == "UnsupportedFormat"
    assert "not read" in result.message


@pytest.mark.parametrize(
    ("name", "data", "error_class"),
    [
        ("empty.mp3", b"", "EmptyFile"),
        ("text.mp3", b"Shopping: milk, bread\n" * 50, "HeaderNotFoundError"),
        ("cut.flac", b"fLaC\0\0\0\x22\x10", "flac.error"),
        ("text.ogg", b"not an ogg page", "OggVorbisHeaderError"),
        ("no extension", b"nothing known", "NotAudio"),
    ],
)
def test_broken_files_are_unreadable_for_a_reason(
    name: str, data: bytes, error_class: str, tmp_path: Path
) -> None:
    result = read(write(tmp_path / name, data))
    assert result.outcome is Outcome.UNREADABLE
    assert result.error_class == error_class
    assert result.message
    assert "\n" not in result.message


def test_tags_are_kept_when_the_music_is_gone(tmp_path: Path) -> None:
    path = tagged(tmp_path / "a.mp3")
    path.write_bytes(path.read_bytes()[: -len(silence("mp3", 3))])
    result = read(path)
    assert (result.outcome, result.error_class) == (Outcome.TAGS_ONLY, "HeaderNotFoundError")
    assert result.tags is not None
    assert result.tags.title == "Song"
    assert result.audio is None


def test_signature_is_of_what_was_read_not_of_the_walk(tmp_path: Path) -> None:
    path = tagged(tmp_path / "a.mp3")
    with Reader(os.fsencode(tmp_path)) as reader:
        result = reader.read(FoundFile(b"a.mp3", Signature(1, 2, 3)))
    assert result.signature == signature_of(path.stat())


def test_vanished_file_is_missing(tmp_path: Path) -> None:
    path = tagged(tmp_path / "a.mp3")
    file = found(path, tmp_path)
    path.unlink()
    with Reader(os.fsencode(tmp_path)) as reader:
        result = reader.read(file)
    assert (result.outcome, result.error_class) == (Outcome.MISSING, "FileNotFoundError")
    assert result.message == "vanished during the scan"


def test_file_that_is_being_written_is_told_so(tmp_path: Path) -> None:
    # So many comments take a good while to read; the alarm rings meanwhile.
    path = write(tmp_path / "growing.flac", flac_with_comments(100_000))

    def grow(_signal: int, _frame: object) -> None:
        with path.open("ab") as file:
            file.write(b"more")

    former = signal.signal(signal.SIGVTALRM, grow)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.001, 0.001)
    try:
        result = read(path)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, former)
    assert (result.outcome, result.error_class) == (Outcome.UNREADABLE, "ChangedDuringScan")
    assert result.message == "the file was being written while it was read"


def test_file_without_permission_is_told_so(open_folder: Path) -> None:
    tagged(open_folder / "closed.mp3").chmod(0)
    file = found(open_folder / "closed.mp3", open_folder)

    def refused() -> None:
        with Reader(os.fsencode(open_folder)) as reader:
            result = reader.read(file)
        assert (result.outcome, result.error_class) == (Outcome.PERMISSION, "PermissionError")
        assert result.message == "Permission denied"

    without_privileges(refused)


def test_fifos_and_sockets_are_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp3")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.mp3"))
        assert read(tmp_path / "socket.mp3").outcome is Outcome.UNREADABLE
    result = read(tmp_path / "pipe.mp3")
    assert (result.outcome, result.error_class) == (Outcome.UNREADABLE, "NotAFile")


def test_links_are_read_inside_the_root_only(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    tagged(tmp_path / "secret.mp3")
    tagged(root / "a.mp3")
    (root / "inside.mp3").symlink_to("a.mp3")
    (root / "outside.mp3").symlink_to("../secret.mp3")
    (root / "circle.mp3").symlink_to("circle.mp3")
    assert read(root / "inside.mp3", root).outcome is None
    for name in ("outside.mp3", "circle.mp3"):
        result = read(root / name, root)
        assert (result.outcome, result.error_class) == (Outcome.UNREADABLE, "OutsideRoot")
        assert result.tags is None


@pytest.mark.parametrize(
    "name", [b"\xff\xfe.mp3", b"new\nline.mp3", b"\x1b[31m.mp3", b"n" * 251 + b".mp3"]
)
def test_names_of_any_bytes_are_read(name: bytes, tmp_path: Path) -> None:
    tagged(tmp_path / "a.mp3").rename(tmp_path / os.fsdecode(name))
    assert read(tmp_path / os.fsdecode(name)).outcome is None


def test_files_beyond_the_longest_path_are_read(bottomless_folder: Path) -> None:
    song = tagged(bottomless_folder / "a.mp3").read_bytes()
    fd = os.open(bottomless_folder, os.O_RDONLY)
    for _ in range(30):
        os.mkdir("d" * 200, dir_fd=fd)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    with open(os.open("deep.mp3", os.O_CREAT | os.O_WRONLY, dir_fd=fd), "wb") as file:
        file.write(song)
    os.close(fd)
    path = (b"d" * 200 + b"/") * 30 + b"deep.mp3"
    with Reader(os.fsencode(bottomless_folder)) as reader:
        assert reader.read(FoundFile(path, Signature(0, 0, 0))).outcome is None


def test_frames_that_are_not_read_are_tags_as_well(tmp_path: Path) -> None:
    tag = b"ID3\3\0\0\0\0\0\x0fPRIV\0\0\0\5\0\0own\0x"
    assert read(write(tmp_path / "a.mp3", tag)).outcome is Outcome.TAGS_ONLY
    assert read(write(tmp_path / "b.mp3", tag[:10] + bytes(15))).outcome is Outcome.UNREADABLE


def test_absurd_durations_are_clamped_and_flagged(tmp_path: Path) -> None:
    result = read(write(tmp_path / "a.wma", silence("wma", 40_780_800.0)))
    assert result.audio is not None
    assert result.audio.duration_seconds == MAX_DURATION_SECONDS
    assert result.flags == ("duration_clamped",)


def test_files_of_no_length_are_told_so(tmp_path: Path) -> None:
    result = read(write(tmp_path / "a.wma", silence("wma", 0.0)))
    assert result.audio is not None
    assert result.audio.duration_seconds == 0.0
    assert result.flags == ()


def test_tags_beside_a_stream_of_nonsense_are_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dsf", silence("dsf", 1))
    write_tags(path, Tags(title="Song"))
    data = bytearray(path.read_bytes())
    data[56:60] = bytes(4)  # the sample rate, by which mutagen divides
    result = read(write(path, bytes(data)))
    assert result.outcome is None
    assert result.tags == Tags(title="Song")
    assert result.audio is not None
    assert (result.audio.sample_rate_hz, result.audio.duration_seconds) == (None, None)


def test_content_that_is_not_read_is_not_called_by_a_wrong_name(tmp_path: Path) -> None:
    result = read(write(tmp_path / "a.wav", b"RF64\xff\xff\xff\xffWAVEds64"))
    assert result.message == "the tags of this format are not read"


def test_layer_one_is_unsupported(tmp_path: Path) -> None:
    frame = b"\xff\xff\x50\xc0" + bytes(164)  # 160 kbit/s
    result = read(write(tmp_path / "a.mp1", frame * 20))
    assert result.outcome is Outcome.UNSUPPORTED
    assert result.message == "the tags of mp1 are not read"


def test_reader_needs_its_root(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), Reader(os.fsencode(tmp_path / "gone")):
        pass


def test_reader_leaves_no_descriptor_open(tmp_path: Path) -> None:
    tagged(tmp_path / "a.mp3")
    write(tmp_path / "b.mp3", b"")
    (tmp_path / "folder.mp3").mkdir()
    before = len(os.listdir("/dev/fd"))
    for _ in range(3):
        read(tmp_path / "a.mp3")
        read(tmp_path / "b.mp3")
        assert read(tmp_path / "folder.mp3").error_class == "IsADirectoryError"
    assert len(os.listdir("/dev/fd")) == before
