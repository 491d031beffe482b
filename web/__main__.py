"""`python -m web`: the web process, configured by the environment."""

from __future__ import annotations

import logging
import signal
import sys

from web.server import serve
from web.settings import read_settings
from web.vault import VaultError
from wire.logs import start_logging
from wire.settings import SettingsError


def main() -> int:
    """Serve; the exit code is 0 after a signal, 2 when a setting or the address is no good."""
    for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn raises it again when all is closed
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        settings = read_settings()
        start_logging("web", settings.logs)
    except (SettingsError, OSError) as error:
        print(f"needle web: {error}", file=sys.stderr)  # noqa: T201 - no log yet
        return 2
    try:
        serve(settings)
    except (SettingsError, VaultError) as error:
        logging.getLogger("web").error("%s", error)
        return 2
    except OSError as error:
        logging.getLogger("web").error(
            "cannot listen on %s:%d: %s", settings.host, settings.port, error.strerror
        )
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
