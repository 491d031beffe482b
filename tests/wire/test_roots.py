"""Roots: only what lies in them, after resolving links, may be scanned."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.roots import OutsideRootsError, join_roots, locate, make_root, parse_roots

absolute = st.lists(
    st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1),
    min_size=1,
    max_size=3,
).map(lambda parts: "/no-such-folder/" + "/".join(parts))


@given(st.lists(absolute, max_size=4))
def test_roots_survive_join_and_parse(paths: list[str]) -> None:
    expected = {make_root(path) for path in paths}
    assert set(parse_roots(join_roots(paths))) == expected


def test_empty_setting_has_no_roots() -> None:
    assert parse_roots("") == parse_roots("::") == ()


def test_folder_named_twice_is_one_root(tmp_path: Path) -> None:
    assert len(parse_roots(f"{tmp_path}:{tmp_path}/")) == 1


def test_home_is_expanded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert make_root("~/Music").path == os.fsencode(tmp_path / "Music")


def test_root_and_what_is_in_it_are_located(tmp_path: Path) -> None:
    root = make_root(str(tmp_path))
    assert locate([root], str(tmp_path)) == (root, b"")
    assert locate([root], f"{tmp_path}/a/b") == (root, b"a/b")


def test_innermost_root_is_taken(tmp_path: Path) -> None:
    outer, inner = make_root(str(tmp_path)), make_root(str(tmp_path / "in"))
    assert locate([outer, inner], str(tmp_path / "in" / "x")) == (inner, b"x")


@pytest.mark.parametrize("path", ["/etc", "{root}x", "{root}/..", "{root}/../x", "{root}/out", ""])
def test_path_outside_is_refused(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    (folder / "out").symlink_to("/etc")
    with pytest.raises(OutsideRootsError, match="not inside"):
        locate([make_root(str(folder))], path.format(root=folder))


def test_path_with_nul_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutsideRootsError):
        locate([make_root(str(tmp_path))], f"{tmp_path}/a\0b")


def test_file_system_root_holds_everything() -> None:
    root = make_root("/")
    assert locate([root], "/etc/passwd") == (root, os.path.realpath(b"/etc/passwd")[1:])
