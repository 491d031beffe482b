"""`python -m worker`: the unified worker, as its settings ask for it.

It is started through Celery's Python interface: the command line alone would cost 10 MB.  Celery is
imported last, because what watches tasks from outside must be there before it.
"""

from __future__ import annotations

import sys

from wire.logs import start_logging
from wire.settings import SettingsError
from worker.settings import read_settings
from worker.tracking import start_tracking


def main() -> int:
    """Run the worker until it is told to stop; the exit code."""
    try:
        settings = read_settings()
        start_logging("worker", settings.logs)
        start_tracking(settings.tracking)
        from worker.app import app
        from worker.serving import serve
    except (SettingsError, OSError) as error:
        print(f"needle worker: {error}", file=sys.stderr)  # noqa: T201 - before any log
        return 2
    return serve(app)


if __name__ == "__main__":
    sys.exit(main())
