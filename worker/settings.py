"""The worker's settings: every environment variable it reads, and nothing read elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from wire.missing import DAYS_MAX
from wire.names import QUEUE_NAMES
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
    read_bool,
    read_int,
    read_logging,
    read_shared,
    read_timezone,
)
from worker.schedule import (
    QuietHours,
    Rule,
    ScheduleError,
    parse_quiet_hours,
    parse_schedule,
)

T = TypeVar("T")

DATABASE_URL = Setting(
    "NEEDLE_DATABASE_URL",
    "",
    "Catalog database. Default: SQLite, `library.db` in the data folder. "
    "PostgreSQL: `postgresql://user:password@host/name`.",
)
WORKER_NAME = Setting("NEEDLE_WORKER_NAME", "needle", "Name of the worker, before the `@host`.")
PROCESSES = Setting(
    "NEEDLE_SCAN_PROCESSES",
    "0",
    "Pool processes at most; one is kept when idle. 0: one a core, at most 4.",
)
QUEUES = Setting(
    "NEEDLE_QUEUES", "", "Queues to work on, joined by commas. Default: all eight (one worker)."
)
BATCH_FILES = Setting("NEEDLE_BATCH_FILES", "1000", "Files in a batch at most.")
FILE_SECONDS = Setting("NEEDLE_FILE_SECONDS", "10", "Seconds that reading one file may take.")
FILE_MEMORY_MB = Setting(
    "NEEDLE_FILE_MEMORY_MB", "400", "Megabytes of memory a process may hold while it reads a file."
)
MESSAGE_BYTES = Setting(
    "NEEDLE_MESSAGE_BYTES",
    "1048576",
    "Bytes of a message that a worker takes from Redis at most, also when it is decompressed.",
)
SCHEDULE = Setting(
    "NEEDLE_SCHEDULE",
    "",
    "When to scan all music folders: `daily 03:00` or `weekly sun 03:00`, then `quick` (the "
    "default), `normal` or `full`; several are joined by `;`.",
)
QUIET_HOURS = Setting(
    "NEEDLE_QUIET_HOURS",
    "",
    "When scans pause by themselves, such as `22:00-07:00`; several are joined by `,`.",
)
WATCH = Setting(
    "NEEDLE_WATCH",
    "false",
    "Whether `needle up` watches the music folders and scans what changed.",
)
WATCH_SECONDS = Setting(
    "NEEDLE_WATCH_SECONDS",
    "30",
    "Seconds without a change after which a watched folder is scanned.",
)
NICE = Setting(
    "NEEDLE_NICE",
    "true",
    "Whether scans run with the lowest CPU priority and, on Linux, the lowest disk priority.",
)
PURGE_DAYS = Setting(
    "NEEDLE_PURGE_DAYS",
    "0",
    "Days after which a missing file is forgotten by itself. 0: never.",
)
LOG_TASKS = Setting(
    "NEEDLE_LOG_TASKS",
    "false",
    "Whether the start and the end of every task are logged, as with `NEEDLE_LOG_LEVEL=DEBUG`; "
    "failed tasks always are.",
)
SENTRY_DSN = Setting(
    "NEEDLE_SENTRY_DSN", "", "Address (DSN) of the Sentry project that is told of failed tasks."
)
NEWRELIC_CONFIG = Setting(
    "NEEDLE_NEWRELIC_CONFIG", "", "New Relic's configuration file: tasks are timed for it."
)
NEWRELIC_LICENSE_KEY = Setting(
    "NEEDLE_NEWRELIC_LICENSE_KEY", "", "New Relic's licence key, in place of such a file."
)
CRASH_STEPS = Setting(
    "NEEDLE_CRASH_STEPS", "false", "For tests: the worker dies at the step that a Redis key names."
)

SETTINGS = (
    *SHARED,
    *LOGGING,
    TIMEZONE,
    DATA,
    DATABASE_URL,
    WORKER_NAME,
    PROCESSES,
    QUEUES,
    BATCH_FILES,
    FILE_SECONDS,
    FILE_MEMORY_MB,
    MESSAGE_BYTES,
    SCHEDULE,
    QUIET_HOURS,
    WATCH,
    WATCH_SECONDS,
    NICE,
    PURGE_DAYS,
    LOG_TASKS,
    SENTRY_DSN,
    NEWRELIC_CONFIG,
    NEWRELIC_LICENSE_KEY,
    CRASH_STEPS,
)


@dataclass(frozen=True, slots=True)
class Tracking:
    """Who outside is told about tasks; "": nobody."""

    sentry_dsn: str = ""
    newrelic_config: str = ""
    newrelic_license_key: str = ""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What a worker was told."""

    shared: SharedSettings
    data: Path
    database_url: str
    timezone: ZoneInfo
    name: str
    processes: int  #: pool processes at most
    queues: tuple[str, ...]
    batch_files: int
    file_seconds: int
    file_memory_bytes: int
    message_bytes: int
    schedule: tuple[Rule, ...]
    quiet_hours: tuple[QuietHours, ...]
    watch: bool
    watch_seconds: int
    nice: bool
    purge_days: int  #: 0: never
    logs: LogSettings
    log_tasks: bool
    tracking: Tracking
    crash_steps: bool


def read_settings(environ: Mapping[str, str] = os.environ) -> WorkerSettings:
    """Read the worker's settings.  Raises SettingsError."""
    data = data_folder(environ)
    processes = read_int(PROCESSES, environ, low=0, high=64)
    queues = tuple(name.strip() for name in read(QUEUES, environ).split(",") if name.strip())
    for name in set(queues) - set(QUEUE_NAMES):
        raise SettingsError(f"NEEDLE_QUEUES: no queue {name!r}; there are {', '.join(QUEUE_NAMES)}")
    return WorkerSettings(
        shared=read_shared(environ),
        data=data,
        database_url=read(DATABASE_URL, environ) or f"sqlite:///{data}/library.db",
        timezone=read_timezone(environ),
        name=read(WORKER_NAME, environ),
        processes=processes or min(4, os.cpu_count() or 1),
        queues=queues or QUEUE_NAMES,
        batch_files=read_int(BATCH_FILES, environ, low=1, high=1000),
        file_seconds=read_int(FILE_SECONDS, environ, low=1, high=40),
        file_memory_bytes=read_int(FILE_MEMORY_MB, environ, low=150, high=16_384) << 20,
        message_bytes=read_int(MESSAGE_BYTES, environ, low=16_384, high=1 << 28),
        schedule=_parsed(SCHEDULE, parse_schedule, environ),
        quiet_hours=_parsed(QUIET_HOURS, parse_quiet_hours, environ),
        watch=read_bool(WATCH, environ),
        watch_seconds=read_int(WATCH_SECONDS, environ, low=1, high=3600),
        nice=read_bool(NICE, environ),
        purge_days=read_int(PURGE_DAYS, environ, low=0, high=DAYS_MAX),
        logs=read_logging(environ),
        log_tasks=read_bool(LOG_TASKS, environ),
        tracking=Tracking(
            sentry_dsn=read(SENTRY_DSN, environ),
            newrelic_config=read(NEWRELIC_CONFIG, environ),
            newrelic_license_key=read(NEWRELIC_LICENSE_KEY, environ),
        ),
        crash_steps=read_bool(CRASH_STEPS, environ),
    )


def _parsed(setting: Setting, parse: Callable[[str], T], environ: Mapping[str, str]) -> T:
    try:
        return parse(read(setting, environ))
    except ScheduleError as error:
        raise SettingsError(f"{setting.name}: {error}") from None
