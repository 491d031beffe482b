"""Settings as data, the readers of the environment, and the settings that every room shares.

A room declares a tuple of `Setting` rows and builds one frozen dataclass from them.  A value
may also come from a file named by `NEEDLE_X_FILE` (container secrets).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from wire.roots import Root, parse_roots


class SettingsError(ValueError):
    """A setting that cannot be used; the message says which one, why, and what is expected."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable: its name, default (as written) and help for the docs."""

    name: str
    default: str
    help: str


SHARED = (
    Setting(
        "NEEDLE_REDIS_URL",
        "redis://127.0.0.1:6379/0",
        "Redis or Valkey server: `redis://host:port/db` or `redis+socket:///path`. "
        "When it is not set, `needle up` starts a private server.",
    ),
    Setting(
        "NEEDLE_KEY_PREFIX",
        "needle",
        "Prefix of every key Needle writes itself; Celery's queues keep their own names.",
    ),
    Setting(
        "NEEDLE_MUSIC",
        "",
        "Music folders that may be scanned, joined by `:` (a `:` in a name is written `\\:`).",
    ),
)

#: A link to the machine's zone, and the zone where there is none.
LOCAL_TIME, LAST_ZONE = "/etc/localtime", "Europe/Paris"
#: Web and worker both show times; only these two read it.
TIMEZONE = Setting(
    "NEEDLE_TIMEZONE",
    "",
    "Zone in which times are shown and schedules are meant; times are kept in UTC. Default: the "
    "machine's own (`TZ`, `/etc/localtime`), else Europe/Paris.",
)

#: Worker, page and terminal keep their files in one folder.
DATA = Setting(
    "NEEDLE_DATA",
    "",
    "Data folder: catalog, append-only file, secrets, logs. Default: `$XDG_DATA_HOME/needle`, "
    "else `~/.local/share/needle`.",
)
#: How every process logs: see `wire.logs`.
LOGGING = (
    Setting("NEEDLE_LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR."),
    Setting(
        "NEEDLE_LOG_FORMAT",
        "auto",
        "`json` (one object a line), `text`, or `auto`: text on a terminal, else JSON.",
    ),
    Setting(
        "NEEDLE_LOG_FILE",
        "",
        "File to log to; at 5 MB it is set aside, and two old ones are kept. Default: standard "
        "error. `needle up` gives each part a file in `logs/` of the data folder.",
    ),
)
LOG_LEVEL, LOG_FORMAT, LOG_FILE = LOGGING


def read(setting: Setting, environ: Mapping[str, str] = os.environ) -> str:
    """The value of `setting`: the variable, else the file its `_FILE` twin names, else the default.

    Raises:
        SettingsError: both forms are set, or the file cannot be read.
    """
    direct, path = environ.get(setting.name), environ.get(setting.name + "_FILE")
    if direct is not None and path is not None:
        raise SettingsError(f"set {setting.name} or {setting.name}_FILE, not both")
    if path is not None:
        try:
            with open(path, encoding="utf-8") as file:
                return file.read().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{setting.name}_FILE={path}: {error}") from None
    return setting.default if direct is None else direct


def read_timezone(
    environ: Mapping[str, str] = os.environ, local_time: str | Path = LOCAL_TIME
) -> ZoneInfo:
    """The zone that is set, else the machine's own, else Europe/Paris.  Raises SettingsError.

    `local_time` is a link to the machine's zone.
    """
    name = read(TIMEZONE, environ)
    if name:
        zone = _zone(name)
        if zone is None:
            raise SettingsError(f"{TIMEZONE.name}={name!r}: a zone such as Europe/Paris is needed")
        return zone
    of_machine = os.path.realpath(local_time).partition("/zoneinfo/")[2]
    return _zone(environ.get("TZ", "").lstrip(":")) or _zone(of_machine) or ZoneInfo(LAST_ZONE)


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def read_int(
    setting: Setting, environ: Mapping[str, str] = os.environ, *, low: int, high: int
) -> int:
    """A whole number in `low … high`, both included.  Raises SettingsError."""
    text = read(setting, environ)
    try:
        value = int(text)
    except ValueError:
        value = None
    if value is None or not low <= value <= high:
        raise SettingsError(
            f"{setting.name}={text!r}: a whole number from {low} to {high} is needed"
        )
    return value


def read_float(
    setting: Setting, environ: Mapping[str, str] = os.environ, *, low: float, high: float
) -> float:
    """A number in `low … high`, both included.  Raises SettingsError."""
    text = read(setting, environ)
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise SettingsError(f"{setting.name}={text!r}: a number from {low} to {high} is needed")
    return value


def read_bool(setting: Setting, environ: Mapping[str, str] = os.environ) -> bool:
    """Exactly `true` or `false`.  Raises SettingsError."""
    text = read(setting, environ)
    if text not in ("true", "false"):
        raise SettingsError(f"{setting.name}={text!r}: true or false is needed")
    return text == "true"


def read_choice(
    setting: Setting, environ: Mapping[str, str] = os.environ, *, choices: tuple[str, ...]
) -> str:
    """One of `choices`.  Raises SettingsError."""
    text = read(setting, environ)
    if text not in choices:
        raise SettingsError(f"{setting.name}={text!r}: one of {', '.join(choices)} is needed")
    return text


def data_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The data folder, which need not exist yet."""
    text = read(DATA, environ)
    if text:
        return Path(text).expanduser().absolute()
    base = environ.get("XDG_DATA_HOME", "")
    root = Path(base) if base.startswith("/") else Path("~/.local/share").expanduser()
    return root / "needle"


def unknown_settings(
    known: Iterable[Setting], environ: Mapping[str, str] = os.environ
) -> tuple[str, ...]:
    """The `NEEDLE_*` variables that no setting reads, sorted: most likely typing mistakes."""
    names = {setting.name for setting in known}
    names |= {name + "_FILE" for name in names}
    return tuple(sorted(n for n in environ if n.startswith("NEEDLE_") and n not in names))


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How a process logs."""

    level: str = LOG_LEVEL.default
    format: str = LOG_FORMAT.default  #: `json`, `text` or `auto`
    file: Path | None = None  #: None: standard error


def read_logging(environ: Mapping[str, str] = os.environ) -> LogSettings:
    """Read how to log.  Raises SettingsError."""
    file = read(LOG_FILE, environ)
    return LogSettings(
        level=read_choice(LOG_LEVEL, environ, choices=("DEBUG", "INFO", "WARNING", "ERROR")),
        format=read_choice(LOG_FORMAT, environ, choices=("auto", "json", "text")),
        file=Path(file).expanduser().absolute() if file else None,
    )


@dataclass(frozen=True, slots=True)
class SharedSettings:
    """What every process needs to know: where Redis is, what may be scanned."""

    redis_url: str
    key_prefix: str
    roots: tuple[Root, ...]


def read_shared(environ: Mapping[str, str] = os.environ) -> SharedSettings:
    """Read the shared settings.  Raises SettingsError."""
    url, prefix, music = (read(setting, environ) for setting in SHARED)
    if not url.startswith(("redis://", "rediss://", "redis+socket://", "unix://")):
        raise SettingsError(
            f"NEEDLE_REDIS_URL={url!r}: an address such as redis://127.0.0.1:6379/0 is needed"
        )
    if not prefix or any(c in prefix for c in " :*?[]\n"):
        raise SettingsError(f"NEEDLE_KEY_PREFIX={prefix!r}: a word without ':' is needed")
    return SharedSettings(redis_url=url, key_prefix=prefix, roots=parse_roots(music))
