"""Quantiles of sizes from a handful of counters: buckets that grow by 2 % (a DDSketch).

A value lies in the bucket `ceil(log(value) / log(GROWTH))`; whatever the values were, a quantile
is wrong by at most 1 % of itself, and sketches are merged by adding their buckets.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping

#: Most a quantile may be wrong, relative to itself.
ACCURACY = 0.01
GROWTH = (1 + ACCURACY) / (1 - ACCURACY)
_LOG_GROWTH = math.log(GROWTH)
#: The bucket of everything below 1; 1 itself lies in bucket 0.
ZERO = -1
#: The last bucket: about 10^12.
LAST = 1400


@functools.lru_cache(4_096)  # tasks of one kind are mostly of few sizes
def bucket_of(value: int) -> int:
    """The bucket that `value` lies in, `ZERO … LAST`."""
    if value < 1:
        return ZERO
    return min(LAST, math.ceil(math.log(value) / _LOG_GROWTH - 1e-9))


def value_of(bucket: int) -> float:
    """The value that stands for a bucket: within 1 % of every value in it."""
    return 0.0 if bucket <= ZERO else 2 * GROWTH ** min(bucket, LAST) / (GROWTH + 1)


def rank(q: float, total: int) -> int:
    """Which of `total` values, the smallest is 1, is the quantile `q` (0 … 1): the nearest rank."""
    # 0.07 x 100 is 7.0000000000000001: what a float adds is no rank.
    return max(math.ceil(q * total - 1e-9), 1)


def quantile(buckets: Mapping[int, int], q: float) -> float | None:
    """The smallest value that at least the part `q` (0 … 1) of the values does not exceed.

    That is the nearest rank: of a few values, P99 is the largest.  None without values.
    """
    total = sum(buckets.values())
    if not total:
        return None
    wanted, seen = rank(q, total), 0
    for bucket in sorted(buckets):
        seen += buckets[bucket]
        if seen >= wanted:
            return value_of(bucket)
    return value_of(max(buckets))
