"""The file of rules on disk: read again when it changes; a bad one changes nothing."""

from __future__ import annotations

import logging
import os

from web.alerts.rules import RULES, AlertSettings, RuleError, parse

#: More is no file of rules.
MAX_BYTES = 256 * 1024

log = logging.getLogger(__name__)


class RuleFile:
    """What the file at `path` says now; "" is no file: Needle's own rules hold."""

    def __init__(self, path: str = "") -> None:
        self.path = path
        self.settings = AlertSettings(RULES)
        self.error = ""  #: why the file cannot be used, "" while it can
        self._seen: tuple[int, int, int] | None = None

    def refresh(self) -> AlertSettings:
        """Read the file if it has changed.  Never raises: the last good rules hold."""
        seen = _signature(self.path)
        if seen == self._seen:
            return self.settings
        self._seen = seen
        try:
            settings = parse(_read(self.path)) if seen else AlertSettings(RULES)
        except (OSError, UnicodeDecodeError, RuleError) as error:
            self.error = f"{self.path}: {error}"
            log.warning("the rules of alerts stay as they were: %s", self.error)
            return self.settings
        self.settings, self.error = settings, ""
        return settings


def _signature(path: str) -> tuple[int, int, int] | None:
    """What tells one version of a file from another; None: there is none."""
    try:
        found = os.stat(path) if path else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino) if found else None


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        text = file.read(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        raise RuleError("it is too large to be a file of rules")
    return text
