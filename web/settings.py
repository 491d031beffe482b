"""The page's settings: one row each, one frozen dataclass, read once at start."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from wire.settings import (
    SHARED,
    TIMEZONE,
    Setting,
    SettingsError,
    SharedSettings,
    read,
    read_bool,
    read_choice,
    read_int,
    read_shared,
)

HOST = Setting(
    "NEEDLE_HOST",
    "127.0.0.1",
    "Address the page listens on. Until sign-in exists only a loopback address is accepted, "
    "unless `NEEDLE_CONTAINER` is true.",
)
PORT = Setting("NEEDLE_PORT", "8787", "Port the page listens on.")
LANGUAGE = Setting(
    "NEEDLE_LANGUAGE",
    "auto",
    "Language of the page: `en`, `fr`, or `auto` for what the browser asks for. "
    "The switch on the page goes before it.",
)
ALLOWED_HOSTS = Setting(
    "NEEDLE_ALLOWED_HOSTS",
    "",
    "More host names the page answers to, joined by commas. IP addresses, names without a dot "
    "and names of the local network (`.local`, `.lan`, `.home.arpa` …) are always accepted.",
)
ALERTS = Setting(
    "NEEDLE_ALERTS",
    "",
    "File with rules of alerts and with whom to tell (TOML); `needle up` keeps one in its data "
    "folder. Without it the rules of Needle hold and nobody is told.",
)
CONTAINER = Setting(
    "NEEDLE_CONTAINER",
    "false",
    "Set to `true` inside a container whose port is published to loopback only: "
    "then `NEEDLE_HOST` may be any address.",
)
SETTINGS = (*SHARED, TIMEZONE, HOST, PORT, LANGUAGE, ALLOWED_HOSTS, ALERTS, CONTAINER)

LANGUAGES = ("en", "fr")


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Everything the web process is told from outside."""

    shared: SharedSettings
    host: str = HOST.default
    port: int = int(PORT.default)
    language: str = LANGUAGE.default  #: `auto` or one of `LANGUAGES`
    allowed_hosts: tuple[str, ...] = ()
    alerts: str = ""  #: path of the file of rules, "": there is none
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))


def read_settings(environ: Mapping[str, str] = os.environ) -> WebSettings:
    """Read the settings of the web process.  Raises SettingsError."""
    host = read(HOST, environ)
    if not (_is_loopback(host) or read_bool(CONTAINER, environ)):
        raise SettingsError(
            f"NEEDLE_HOST={host!r}: without sign-in the page listens on this machine only "
            "(127.0.0.1). From another machine, use a tunnel: ssh -L 8787:127.0.0.1:8787 HOST"
        )
    return WebSettings(
        shared=read_shared(environ),
        host=host,
        port=read_int(PORT, environ, low=1, high=65535),
        language=read_choice(LANGUAGE, environ, choices=("auto", *LANGUAGES)),
        allowed_hosts=tuple(
            name.strip().lower() for name in read(ALLOWED_HOSTS, environ).split(",") if name.strip()
        ),
        alerts=read(ALERTS, environ),
        timezone=_zone(read(TIMEZONE, environ)),
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SettingsError(
            f"{TIMEZONE.name}={name!r}: a zone such as Europe/Paris is needed"
        ) from None
