"""Measured sizes as Redis holds them, made of values that a test knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from wire.events import dump
from wire.fields import field
from wire.payloads import SKETCHED, Largest, TaskSizes, read_sizes
from wire.sketch import bucket_of

#: measure -> values
Values = Mapping[str, Sequence[int]]


def fields_of(task: str, values: Values, **cuts: int) -> dict[str, str]:
    """The fields of `Keys.sizes` for one task; `cuts` are `args`, `kwargs`, `any`."""
    found: dict[str, str] = {}
    for measure, numbers in values.items():
        found[field("n", task, measure)] = str(len(numbers))
        found[field("sum", task, measure)] = str(sum(numbers))
        found[field("max", task, measure)] = str(max(numbers))
        found[field("who", task, measure)] = dump(Largest("id-of-largest", "extract", "w@here"))
        if measure in SKETCHED:
            for bucket, count in Counter(map(bucket_of, numbers)).items():
                found[field("b", task, measure, str(bucket))] = str(count)
    for kind, count in cuts.items():
        found[field("cut", task, kind)] = str(count)
    return found


def sizes_of(*tasks: Mapping[str, str]) -> dict[str, TaskSizes]:
    """What `read_sizes` makes of such fields."""
    raw = {name.encode(): text.encode() for task in tasks for name, text in task.items()}
    return read_sizes(raw)


#: The fifteen tasks of the seed's report: the largest have 45,678 and 12,345 characters, the
#: means are 23,456 and 5,678, and two args were cut.
SEED_ARGS = (45_678, 45_000, *(20_089,) * 12, 20_094)
SEED_KWARGS = (12_345, *(5_201,) * 13, 5_212)
SEED = fields_of(
    "extract_metadata_batch",
    {"args": SEED_ARGS, "kwargs": SEED_KWARGS, "wire_bytes": (75_776,)},
    args=2,
    any=2,
)
