"""The page's settings: one row each, one frozen dataclass, read once at start."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from wire.settings import (
    DATA,
    LOGGING,
    SHARED,
    TIMEZONE,
    LogSettings,
    Setting,
    SettingsError,
    SharedSettings,
    data_folder,
    read,
    read_choice,
    read_int,
    read_logging,
    read_shared,
    read_timezone,
)

HOST = Setting(
    "NEEDLE_HOST",
    "127.0.0.1",
    "Address the page listens on: `127.0.0.1` is this machine only, `0.0.0.0` every address.",
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
AUTH = Setting(
    "NEEDLE_AUTH",
    "on",
    "`on`: people sign in. `off`: whoever reaches the page is an operator; accepted on a loopback "
    "address only.",
)
PUBLIC_URL = Setting(
    "NEEDLE_PUBLIC_URL",
    "",
    "Address that login links begin with, such as `https://music.example.org`. Default: this "
    "machine's own in the local network.",
)
TRUSTED_PROXIES = Setting(
    "NEEDLE_TRUSTED_PROXIES",
    "",
    "Addresses or networks of reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are "
    "believed, joined by commas. From anywhere else they are ignored.",
)
METRICS_NETWORKS = Setting(
    "NEEDLE_METRICS_NETWORKS",
    "",
    "Addresses or networks that may read `/metrics` without signing in, joined by commas.",
)
TLS_CERT = Setting(
    "NEEDLE_TLS_CERT", "", "Certificate (PEM, with its chain): the page is served by HTTPS."
)
TLS_KEY = Setting("NEEDLE_TLS_KEY", "", "Its private key (PEM, without a password).")
SETTINGS = (
    *SHARED,
    *LOGGING,
    TIMEZONE,
    DATA,
    HOST,
    PORT,
    LANGUAGE,
    ALLOWED_HOSTS,
    ALERTS,
    AUTH,
    PUBLIC_URL,
    TRUSTED_PROXIES,
    METRICS_NETWORKS,
    TLS_CERT,
    TLS_KEY,
)

LANGUAGES = ("en", "fr")

Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Everything the web process is told from outside."""

    shared: SharedSettings
    data: Path  #: folder of the secrets; not used without `auth`
    host: str = HOST.default
    port: int = int(PORT.default)
    language: str = LANGUAGE.default  #: `auto` or one of `LANGUAGES`
    allowed_hosts: tuple[str, ...] = ()
    alerts: str = ""  #: path of the file of rules, "": there is none
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    auth: bool = True
    public_url: str = ""  #: without a slash at its end
    trusted_proxies: Networks = ()
    metrics_networks: Networks = ()
    tls_cert: str = ""
    tls_key: str = ""
    logs: LogSettings = field(default_factory=LogSettings)


def read_settings(environ: Mapping[str, str] = os.environ) -> WebSettings:
    """Read the settings of the web process.  Raises SettingsError."""
    host = read(HOST, environ)
    auth = read_choice(AUTH, environ, choices=("on", "off")) == "on"
    if not auth and not is_loopback(host):
        raise SettingsError(
            f"{AUTH.name}=off with {HOST.name}={host!r}: without sign-in the page listens on this "
            "machine only (127.0.0.1)"
        )
    cert, key = read(TLS_CERT, environ), read(TLS_KEY, environ)
    if bool(cert) != bool(key):
        raise SettingsError(f"{TLS_CERT.name} and {TLS_KEY.name}: both are needed, or none")
    return WebSettings(
        shared=read_shared(environ),
        data=data_folder(environ),
        host=host,
        port=read_int(PORT, environ, low=1, high=65535),
        language=read_choice(LANGUAGE, environ, choices=("auto", *LANGUAGES)),
        allowed_hosts=tuple(name.lower() for name in _listed(ALLOWED_HOSTS, environ)),
        alerts=read(ALERTS, environ),
        timezone=read_timezone(environ),
        auth=auth,
        public_url=_origin(read(PUBLIC_URL, environ)),
        trusted_proxies=_networks(TRUSTED_PROXIES, environ),
        metrics_networks=_networks(METRICS_NETWORKS, environ),
        tls_cert=cert,
        tls_key=key,
        logs=read_logging(environ),
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_within(address: str, networks: Networks) -> bool:
    """Whether an IP address is in one of `networks`."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def _listed(setting: Setting, environ: Mapping[str, str]) -> list[str]:
    return [item.strip() for item in read(setting, environ).split(",") if item.strip()]


def _networks(setting: Setting, environ: Mapping[str, str]) -> Networks:
    try:
        return tuple(ipaddress.ip_network(item, strict=False) for item in _listed(setting, environ))
    except ValueError as error:
        raise SettingsError(f"{setting.name}: {error}") from None


def _origin(url: str) -> str:
    if url and not re.fullmatch(r"https?://[^/?#@\s]+/?", url):
        raise SettingsError(
            f"{PUBLIC_URL.name}={url!r}: an address without a path is needed, such as "
            "https://music.example.org"
        )
    return url.rstrip("/")
