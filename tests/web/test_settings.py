"""The settings of the web process."""

from __future__ import annotations

import pytest

from web.settings import LANGUAGES, read_settings
from wire.settings import SettingsError


def test_defaults_need_no_environment() -> None:
    settings = read_settings({})
    assert (settings.host, settings.port, settings.language) == ("127.0.0.1", 8787, "auto")


def test_values_are_read() -> None:
    settings = read_settings(
        {
            "NEEDLE_PORT": "80",
            "NEEDLE_LANGUAGE": "fr",
            "NEEDLE_TIMEZONE": "Asia/Tokyo",
            "NEEDLE_ALLOWED_HOSTS": " Music.example.org,, other.example ",
        }
    )
    assert (settings.port, settings.language) == (80, "fr")
    assert settings.language in LANGUAGES
    assert settings.timezone.key == "Asia/Tokyo"
    assert settings.allowed_hosts == ("music.example.org", "other.example")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NEEDLE_PORT", "0"),
        ("NEEDLE_PORT", "http"),
        ("NEEDLE_LANGUAGE", "de"),
        ("NEEDLE_TIMEZONE", "Mars/Olympus"),
        ("NEEDLE_TIMEZONE", "../../etc/passwd"),
    ],
)
def test_bad_value_names_its_setting(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings({name: value})
