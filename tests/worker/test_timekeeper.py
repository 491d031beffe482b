"""A scheduled time is used once, whoever looks at the clock and whatever dies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from tests.servers import ValkeyServer
from wire.schedule import SCHEDULE
from wire.settings import SettingsError
from wire.states import ScanMode, ScanState
from worker import timekeeper
from worker.app import create_app
from worker.catalog import scans
from worker.catalog.scans import ScanRequest
from worker.services import NeedleApp, Services
from worker.settings import read_settings

YESTERDAY = 24 * 3600


@pytest.fixture
def app(
    valkey_server: ValkeyServer, redis_client: redis.Redis, tmp_path: Path
) -> Iterator[NeedleApp]:
    """An application whose schedule named a time five minutes ago."""
    at = datetime.now(UTC) - timedelta(minutes=5)
    made = create_app(
        read_settings(
            {
                "NEEDLE_REDIS_URL": valkey_server.url,
                "NEEDLE_DATA": str(tmp_path),
                "NEEDLE_MUSIC": str(tmp_path),
                "NEEDLE_TIMEZONE": "UTC",
                "NEEDLE_SCHEDULE": f"daily {at:%H:%M}",
            }
        )
    )
    made.set_current()
    made.services.catalog.migrate()
    root = made.services.settings.shared.roots[0]
    redis_client.hset("needle:schedule:started", f"{root.id}:full", str(time.time() - YESTERDAY))
    yield made
    made.services.catalog.dispose()
    made.services.redis.close()
    made.close()


def look(app: NeedleApp) -> None:
    """Look at the clock as another process would."""
    services = Services(app.services.settings)
    timekeeper.keep_time(services)
    services.catalog.dispose()
    services.redis.close()


def test_many_looks_at_once_start_one_scan(app: NeedleApp, redis_client: redis.Redis) -> None:
    for _ in range(2):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(look, [app] * 8))
        assert redis_client.zcard("needle:scans") == 1
        redis_client.delete("needle:active")  # as when the scan is over


def test_scan_that_only_the_catalog_remembers_is_not_repeated(
    app: NeedleApp, redis_client: redis.Redis
) -> None:
    catalog, root = app.services.catalog, app.services.settings.shared.roots[0]
    request = ScanRequest("20261121T030000-000000", root, ScanMode.QUICK, time.time(), SCHEDULE)
    scans.begin_scan(catalog, request)
    scans.fail_scan(catalog, request.scan_id, ScanState.FAILED, "died")
    look(app)
    assert redis_client.zcard("needle:scans") == 0


@pytest.mark.parametrize("garbage", ["x", "nan", "-1", "1e308", "4102444800.5"])
def test_garbage_stops_no_schedule(app: NeedleApp, redis_client: redis.Redis, garbage: str) -> None:
    root = app.services.settings.shared.roots[0]
    redis_client.hset("needle:schedule:started", f"{root.id}:quick", garbage)
    look(app)
    assert redis_client.zcard("needle:scans") == 1


@pytest.mark.parametrize("name", ["NEEDLE_SCHEDULE", "NEEDLE_QUIET_HOURS"])
def test_unclear_setting_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings({name: "at night", "NEEDLE_DATA": str(tmp_path)})
