"""`python -m worker`: the unified worker, with the command line that its settings ask for."""

from __future__ import annotations

import sys

from wire.names import QUEUE_NAMES
from wire.settings import SettingsError


def command_line(name: str, queues: tuple[str, ...], processes: int, log_level: str) -> list[str]:
    """The arguments of `celery` for a worker; `-Q` in the order in which queues are drained."""
    ordered = [q for q in QUEUE_NAMES if q in queues or not queues]
    return [
        "worker",
        "--hostname", f"{name}@%h",
        "--queues", ",".join(ordered),
        "--autoscale", f"{processes},1",
        "--loglevel", log_level,
        "--without-gossip", "--without-mingle", "--without-heartbeat",
    ]  # fmt: skip


def main() -> int:
    """Run the worker until it is told to stop."""
    try:
        from worker.app import app

        settings = app.services.settings
        unknown = set(settings.queues) - set(QUEUE_NAMES)
        if unknown:
            raise SettingsError(f"NEEDLE_QUEUES: no such queue: {', '.join(sorted(unknown))}")
    except SettingsError as error:
        print(f"needle worker: {error}", file=sys.stderr)  # noqa: T201 - before logging is set up
        return 2
    app.start(command_line(settings.name, settings.queues, settings.processes, settings.log_level))
    return 0


if __name__ == "__main__":
    sys.exit(main())
