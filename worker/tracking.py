"""Sentry and New Relic: imported only when a setting asks for them, and before Celery."""

from __future__ import annotations

import os
from typing import Any

from wire.redaction import redacted_copy, redacted_text
from wire.settings import SettingsError
from worker.settings import NEWRELIC_CONFIG, NEWRELIC_LICENSE_KEY, SENTRY_DSN, Tracking

#: Seconds that a worker which ends waits for what was not sent yet.
SEND_SECONDS = 2


def start_tracking(tracking: Tracking) -> None:
    """Have failed tasks told to Sentry, and all timed by New Relic, as the settings say.

    Raises:
        SettingsError: a package is not installed, or cannot use what was set.
    """
    if tracking.newrelic_config or tracking.newrelic_license_key:
        _start_newrelic(tracking)
    if tracking.sentry_dsn:
        _start_sentry(tracking.sentry_dsn)


def _start_sentry(dsn: str) -> None:
    try:
        import sentry_sdk
        from sentry_sdk.integrations.celery import CeleryIntegration
        from sentry_sdk.integrations.logging import LoggingIntegration
        from sentry_sdk.utils import BadDsn
    except ImportError:
        raise _missing(SENTRY_DSN.name, "sentry-sdk", "sentry") from None
    try:
        sentry_sdk.init(
            dsn,
            integrations=[
                # Its headers of traces are none that a worker takes: see `worker.messages`.
                CeleryIntegration(propagate_traces=False),
                # Else each failure would arrive twice, from Celery and from our log.
                LoggingIntegration(level=None, event_level=None),
            ],
            auto_enabling_integrations=False,
            auto_session_tracking=False,
            enable_backpressure_handling=False,
            include_local_variables=False,
            max_breadcrumbs=0,
            send_default_pii=True,  # the arguments of tasks, which `_redacted` goes through
            before_send=_redacted,
            shutdown_timeout=SEND_SECONDS,
        )
    except BadDsn as error:
        raise SettingsError(f"{SENTRY_DSN.name}: {error}") from None


def _redacted(event: Any, _hint: Any) -> Any:
    """The event without secrets in arguments and messages."""
    job = event.get("extra", {}).get("celery-job")
    if isinstance(job, dict):
        job |= {key: redacted_copy(job.get(key)) for key in ("args", "kwargs")}
    for error in event.get("exception", {}).get("values", ()):
        error["value"] = redacted_text(str(error.get("value")))
    return event


def _start_newrelic(tracking: Tracking) -> None:
    named = NEWRELIC_CONFIG if tracking.newrelic_config else NEWRELIC_LICENSE_KEY
    if not tracking.newrelic_config:
        # Its agent takes a key in no other way.
        os.environ.update(NEW_RELIC_LICENSE_KEY=tracking.newrelic_license_key)
        os.environ.setdefault("NEW_RELIC_APP_NAME", "Needle")
    try:
        from newrelic import agent  # type: ignore[import-untyped]
    except ImportError:
        raise _missing(named.name, "newrelic", "newrelic") from None
    try:
        agent.initialize(tracking.newrelic_config or None, ignore_errors=False)
    except Exception as error:  # whatever it finds in its file
        raise SettingsError(f"{named.name}: {redacted_text(str(error))}") from None


def _missing(setting: str, package: str, extra: str) -> SettingsError:
    return SettingsError(
        f"{setting} is set, but {package} is not installed: pip install needle[{extra}]"
    )
