"""Records: what goes into Redis comes out of it, and nothing else does."""

from __future__ import annotations

import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.catalog.scenario import broken, song
from worker.catalog import record
from worker.catalog.entities import group
from worker.catalog.filelist import decode_files, encode_files
from worker.library.model import Audio, FileResult, FoundFile, Signature, Tags

paths = st.binary(min_size=1, max_size=60)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
numbers = st.integers(-(2**70), 2**70)
signatures = st.builds(Signature, numbers, numbers, numbers)
results = st.builds(
    FileResult,
    path=paths,
    signature=signatures,
    error_class=text,
    message=text,
    tags=st.none()
    | st.builds(Tags, title=text, artists=st.tuples(text, text), bpm=st.floats(0, 9)),
    audio=st.none() | st.builds(Audio, text, text, st.none() | st.floats(0, 1e6)),
    flags=st.lists(text).map(tuple),
)


@given(st.lists(results, max_size=5))
def test_results_survive_their_way(files: list[FileResult]) -> None:
    assert record.unpack_results(record.pack_results(files)) == files


@given(st.lists(results, max_size=5))
def test_grouped_survives_its_way(files: list[FileResult]) -> None:
    grouped = group(files)
    back = record.unpack_grouped(record.pack_grouped(grouped))
    assert json.dumps(back.to_json()) == json.dumps(grouped.to_json())


@given(st.lists(st.builds(FoundFile, paths, signatures), max_size=5))
def test_file_lists_survive_their_way(files: list[FoundFile]) -> None:
    assert decode_files(encode_files(files)) == tuple(files)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage",
        zlib.compress(b"not json"),
        zlib.compress(b"[1, 2]"),
        zlib.compress(b'{"files": [[1]], "artists": []}'),
        zlib.compress(b"[" * 100_000),
        record.pack_results([broken("a.mp3")])[:-3],
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    for unpack in (record.unpack_results, record.unpack_grouped):
        with pytest.raises(record.RecordError):
            unpack(data)


def test_bomb_is_refused_before_it_grows() -> None:
    bomb = zlib.compress(b" " * (record.MAX_BYTES + 10))
    with pytest.raises(record.RecordError, match="too large"):
        record.unpack_results(bomb)


def test_record_of_a_batch_is_small() -> None:
    files = [
        song(f"a/{n}.mp3", n, title=f"Song {n}", artists=("A",), album="B") for n in range(250)
    ]
    assert len(record.pack_results(files)) < 20_000
