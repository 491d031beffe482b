"""Settings: a bad value is refused with its name, its value and what is expected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wire.settings import (
    Setting,
    SettingsError,
    read,
    read_bool,
    read_choice,
    read_float,
    read_int,
    read_shared,
    read_timezone,
    unknown_settings,
)

SETTING = Setting("NEEDLE_THING", "7", "A thing.")


def test_default_holds_when_nothing_is_set() -> None:
    assert read(SETTING, {}) == "7"


def test_secret_comes_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("hush\n")
    assert read(SETTING, {"NEEDLE_THING_FILE": str(path)}) == "hush"


def test_value_and_file_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not both"):
        read(SETTING, {"NEEDLE_THING": "1", "NEEDLE_THING_FILE": str(tmp_path)})


def test_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="NEEDLE_THING_FILE"):
        read(SETTING, {"NEEDLE_THING_FILE": str(tmp_path / "none")})


@pytest.mark.parametrize(
    ("reader", "limits", "text"),
    [
        (read_int, {"low": 1, "high": 9}, "0"),
        (read_int, {"low": 1, "high": 9}, "10"),
        (read_int, {"low": 1, "high": 9}, "many"),
        (read_int, {"low": 1, "high": 9}, ""),
        (read_float, {"low": 0, "high": 1}, "nan"),
        (read_float, {"low": 0, "high": 1}, "2"),
        (read_float, {"low": 0, "high": 1}, "x"),
        (read_bool, {}, "yes"),
        (read_bool, {}, "True"),
        (read_choice, {"choices": ("a", "b")}, "c"),
    ],
)
def test_bad_value_is_refused_by_name(
    reader: Callable[..., Any], limits: dict[str, Any], text: str
) -> None:
    with pytest.raises(SettingsError, match=r"NEEDLE_THING=.*needed"):
        reader(SETTING, {"NEEDLE_THING": text}, **limits)


def test_typing_mistakes_are_reported() -> None:
    environ = {"NEEDLE_THING": "", "NEEDLE_THING_FILE": "", "NEEDLE_THNIG": "", "HOME": ""}
    assert unknown_settings([SETTING], environ) == ("NEEDLE_THNIG",)


@pytest.mark.parametrize(
    "environ",
    [{"NEEDLE_REDIS_URL": "localhost"}, {"NEEDLE_REDIS_URL": "http://x"},
     {"NEEDLE_KEY_PREFIX": ""}, {"NEEDLE_KEY_PREFIX": "a:b"}],
)  # fmt: skip
def test_unusable_shared_setting_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        read_shared(environ)


@pytest.mark.parametrize(
    ("environ", "local_time", "zone"),
    [
        ({"NEEDLE_TIMEZONE": "Asia/Tokyo", "TZ": "UTC"}, "zoneinfo/America/Montreal", "Asia/Tokyo"),
        ({"TZ": ":Asia/Tokyo"}, "zoneinfo/America/Montreal", "Asia/Tokyo"),
        ({"TZ": "CET-1CEST"}, "zoneinfo/America/Montreal", "America/Montreal"),
        ({}, "zoneinfo/America/Montreal", "America/Montreal"),
        ({"NEEDLE_TIMEZONE": ""}, "zoneinfo/Mars/Olympus", "Europe/Paris"),
        ({}, "copied", "Europe/Paris"),
    ],
)
def test_zone_is_that_of_the_machine_unless_set(
    environ: dict[str, str], local_time: str, zone: str, tmp_path: Path
) -> None:
    link = tmp_path / "localtime"
    link.symlink_to(tmp_path / local_time)
    assert read_timezone(environ, link).key == zone


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "x" * 9000, "a\0b"])
def test_zone_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="NEEDLE_TIMEZONE"):
        read_timezone({"NEEDLE_TIMEZONE": name})
