"""The foreign application, measured but for its sizes: `bench.metrics` tells by it what those cost.

Everything that looks at a payload, a repr or a message to say how large it is, is left out.
"""

from __future__ import annotations

import math
from typing import Any

from tests.worker.metrics.foreign import app as app
from worker.metrics import arrival, execution
from worker.metrics.counting import Counting
from worker.metrics.measure import Size
from worker.metrics.sampling import Last
from worker.metrics.tally import Values

_NO_SIZE = Size(0, 0)


def _none(*_: Any, **__: Any) -> None:
    """Instead of what counts or samples."""


def _leave_out_sizes() -> None:
    left_out: Any = {
        execution: {
            "measure": lambda *_: _NO_SIZE,
            "NEVER_SAMPLED": Last(due_at=math.inf, enough=math.inf),
        },
        arrival: {
            "_envelope": lambda _: None,
            "_envelope_bytes": lambda _: 0,
            "_body_bytes": lambda _: 0,
        },
        Counting: {"_count_payloads": _none},
        Values: {"add": _none},
    }
    for owner, members in left_out.items():
        for name, instead in members.items():
            setattr(owner, name, instead)


_leave_out_sizes()
