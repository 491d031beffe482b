"""Automatic mode: the limits are kept at the recommendation, by one worker at a time.

It runs where tasks are measured, for there something always runs; off, it costs one `GET` a beat.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from wire import limits as changes
from wire.payloads import read_limits, read_sizes
from wire.scripts import CHANGE_LIMITS
from wire.size_report import make_report
from worker.metrics.recorder import Recorder

log = logging.getLogger(__name__)

#: Seconds for which one worker decides: nearly two beats.
TURN_SECONDS = 9


class AutomaticLimits:
    """One worker's part in it."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def look(self, worker: str) -> None:
        """Change the limits if that is wanted and needed.  Raises what redis-py raises."""
        client, keys = self._recorder.client, self._recorder.keys
        raw: Any = client.get(keys.size_limits)
        known = read_limits(raw)
        if known is None or not known.automatic:
            return
        if not client.set(keys.sizes_turn, worker, nx=True, ex=TURN_SECONDS):
            return
        sizes: Any = client.hgetall(keys.sizes)
        change = changes.kept(make_report(read_sizes(sizes), known, at=time.time()))
        if change is None or change.limits is None:
            return
        names, arguments = changes.arguments(keys, raw, change)
        # 0: somebody changed them at this moment; the next look sees what they are then.
        if client.register_script(CHANGE_LIMITS)(keys=names, args=arguments):
            log.info("size limits set automatically: %s", change.activity.detail)
