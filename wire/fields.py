"""Names of counters: a family and its labels as one field of a Redis hash, and back.

    task|scan.discovery|success        duration_us|scan.discovery|failure

Whoever reaches Redis can write there: a field or a number that is not one of ours is left out.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from operator import itemgetter
from urllib.parse import unquote

#: Characters of a label that are kept.
LABEL_CHARS = 200
#: What takes the place of labels beyond the number that is counted apart.
OTHER = "other"

_SPECIAL = re.compile(r"[%|\x00-\x1f\x7f]")
_MAX = 2**63
#: Fields whose parts are kept, by who reads them; fields that are kept, by who writes them.
_KEPT, _WRITTEN = 16_384, 2_048

#: Hashes whose layout is kept.
_LAYOUTS = 64

#: Some items of a sequence of numbers, in an order.
Pick = Callable[[Sequence[int]], tuple[int, ...]]
#: family -> labels -> number
Counters = Mapping[str, Mapping[tuple[str, ...], int]]


@functools.lru_cache(_WRITTEN)  # a process writes the same ones every second
def field(family: str, *labels: str) -> str:
    """The field of a counter.  A label is cut at `LABEL_CHARS` characters."""
    return "|".join((family, *map(_escaped, labels)))


def split_field(text: str) -> tuple[str, tuple[str, ...]]:
    """The family and the labels of a field: the inverse of `field`."""
    family, *labels = text.split("|")
    # Few need it, and a page reads thousands of them at once.
    return family, tuple(map(unquote, labels) if "%" in text else labels)


def read_counters(raw: Mapping[bytes, bytes]) -> Counters:
    """All counters of a hash (`HGETALL`): whole numbers from 0 to 2^63, the others left out."""
    names: Collection[bytes] = raw
    numbers = _numbers(raw.values())
    if numbers is None:
        counts = {name: read_count(value) for name, value in raw.items()}
        found = {name: number for name, number in counts.items() if number is not None}
        names, numbers = found, list(found.values())
    return {
        family: dict(zip(labels, pick(numbers), strict=True))
        for family, labels, pick in _layout(tuple(names))
    }


def _numbers(values: Collection[bytes]) -> list[int] | None:
    """`read_count` of each, where all are numbers, as in every hash of ours; else None."""
    if all(values) and b"".join(values).isdigit() and max(map(len, values)) < len(str(_MAX)):
        return list(map(int, values))
    return None


@functools.lru_cache(_LAYOUTS)
def _layout(names: tuple[bytes, ...]) -> list[tuple[str, list[tuple[str, ...]], Pick]]:
    """The families in the fields of a hash: each with its labels, and what picks its numbers.

    A page reads the same hashes again and again, and their fields seldom change.
    """
    places: dict[str, dict[tuple[str, ...], int]] = defaultdict(dict)
    for place, name in enumerate(map(_name, names)):
        if name is not None:
            places[name[0]][name[1]] = place
    return [(family, [*found], picker(found.values())) for family, found in places.items()]


def picker(places: Iterable[int]) -> Pick:
    """What picks the items at these places of a sequence, as a tuple."""
    first, *others = places
    if others:
        return itemgetter(first, *others)
    return lambda items: (items[first],)


def read_texts(raw: Mapping[bytes, bytes], family: str) -> dict[tuple[str, ...], bytes]:
    """What is no number in a hash: labels -> bytes of the fields of `family`."""
    found, start = {}, family.encode() + b"|"
    for key, value in raw.items():
        if key.startswith(start):
            try:
                found[split_field(key.decode())[1]] = value
            except UnicodeDecodeError:
                continue
    return found


def read_count(value: bytes) -> int | None:
    """A whole number from 0 to 2^63, None for anything else."""
    if not (value.isdigit() and len(value) < 20):
        return None
    number = int(value)
    return number if number < _MAX else None


@functools.lru_cache(_KEPT)
def _name(key: bytes) -> tuple[str, tuple[str, ...]] | None:
    """The family and the labels of a field, None if it is none.

    A page reads thousands of fields again and again, always the same ones.
    """
    try:
        family, labels = split_field(key.decode())
    except UnicodeDecodeError:
        return None
    if len(key) > LABEL_CHARS and any(len(label) > LABEL_CHARS for label in labels):
        return None
    return family, labels


def _escaped(label: str) -> str:
    label = label[:LABEL_CHARS].encode("utf-8", "replace").decode()
    return _SPECIAL.sub(lambda match: f"%{ord(match[0]):02X}", label)
