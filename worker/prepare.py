"""Bringing the catalog up to date before the worker has any pool process."""

from __future__ import annotations

import os
import sys
from typing import Any

from celery.signals import worker_init

from worker.catalog.store import CatalogError
from worker.services import Services
from worker.trouble import say_trouble


def migrate_at_start(services: Services) -> None:
    """Arrange it for a worker in this process; it does not start when the catalog is unusable."""

    def migrate(**_: Any) -> None:
        if not _in_a_process_of_its_own(services):
            raise SystemExit(1)  # Celery would swallow anything less

    worker_init.connect(migrate, weak=False)


def _in_a_process_of_its_own(services: Services) -> bool:
    """Migrate in a fork: Alembic would weigh 10 MB in the worker for as long as it lives."""
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1] == 0
    code = 1
    try:
        services.settings.data.mkdir(parents=True, exist_ok=True)
        services.catalog.migrate()
        services.catalog.dispose()
        code = 0
    except (CatalogError, OSError) as error:
        say_trouble(services, str(error))
        print(f"needle worker: {error}", file=sys.stderr, flush=True)  # noqa: T201 - for people
    finally:
        os._exit(code)
