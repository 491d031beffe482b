"""What is kept in Redis of past scans."""

from __future__ import annotations

import redis

from tests.web.records import KEYS, problem, scan
from wire import keys as wire_keys
from wire.states import ScanState
from worker.progress import Progress


def test_a_hundred_scans_are_kept_and_the_problems_of_ten(redis_client: redis.Redis) -> None:
    scans = [scan(number, state=ScanState.COMPLETED) for number in range(104)]
    progress = Progress(redis_client, KEYS)
    for each in scans:
        progress.problems(each.id, [problem(1)])
        progress.scan(each)
        progress.scan(each)

    with_problems = [s for s in scans if redis_client.exists(KEYS.problems(s.id))]
    assert with_problems == scans[-wire_keys.PROBLEMS_SCANS_KEPT :]
    kept = [s for s in scans if redis_client.exists(KEYS.scan(s.id))]
    assert kept == scans[-wire_keys.SCANS_KEPT :]
    assert redis_client.zcard(KEYS.scans) == wire_keys.SCANS_KEPT
