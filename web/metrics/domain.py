"""Families of an application's own metrics: training, tuning, and whatever else it observes.

Names and labels come from applications: what Prometheus would refuse is put right or left out,
and no name of another family can be taken.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeVar

from web.metrics.exposition import Family
from web.metrics.tasks import buckets
from wire.domain import Domain, Series

#: Names that are taken.
NAMES_MAX = 200

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,119}")
#: What other families begin with.
_RESERVED = re.compile(r"(celery|needle|process|python)_")
_ENDS = ("_bucket", "_count", "_sum")

T = TypeVar("T")


def domain_families(domain: Domain) -> list[Family]:
    """The families, by name.  A name is of the first kind that has it: times, counts, gauges."""
    taken: set[str] = set()
    families: list[Family] = []
    for name, times in _by_name(domain.times, taken):
        family = Family(name, "histogram", "Observed by the application.", _keys(times))
        for labels, histogram in times:
            family.observe(buckets(histogram), *_values(family, labels))
        families.append(family)
        taken |= {name, *(name + end for end in _ENDS)}
    counts = {(_total(name), labels): n for (name, labels), n in domain.counts.items()}
    for kind, found in (("counter", counts), ("gauge", domain.gauges)):
        for name, numbers in _by_name(found, taken):
            family = Family(name, kind, "Observed by the application.", _keys(numbers))
            for labels, number in numbers:
                family.set(number, *_values(family, labels))
            families.append(family)
            taken.add(name)
    return families[:NAMES_MAX]


def _by_name(
    series: Mapping[Series, T], taken: set[str]
) -> list[tuple[str, list[tuple[dict[str, str], T]]]]:
    """Those with a name that is free, sorted; labels that are none are left out."""
    found: defaultdict[str, list[tuple[dict[str, str], T]]] = defaultdict(list)
    for (name, labels), value in series.items():
        if _NAME.fullmatch(name) and not _RESERVED.match(name) and name not in taken:
            found[name].append((_labels(labels), value))
    return sorted(found.items())


def _labels(labels: Iterable[tuple[str, str]]) -> dict[str, str]:
    named = {key: value for key, value in labels if _NAME.fullmatch(key)}
    return {
        key: value
        for key, value in named.items()
        if key not in ("le", "quantile", "job", "instance") and not key.startswith("__")
    }


def _keys(series: Iterable[tuple[dict[str, str], object]]) -> tuple[str, ...]:
    return tuple(sorted({key for labels, _ in series for key in labels}))


def _values(family: Family, labels: Mapping[str, str]) -> tuple[str, ...]:
    # To Prometheus an empty label and one that is not there are the same.
    return tuple(labels.get(key, "") for key in family.labels)


def _total(name: str) -> str:
    return name if name.endswith("_total") else f"{name}_total"
