"""Sentences with figures, told in English by programs and in the reader's words by the page.

The English text is also the key of its translation, so every sentence is written once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Figure = int | float | str


@dataclass(frozen=True, slots=True)
class Sentence:
    """`text` with `%(name)s` for each of `figures`; a sentence among them is told within it.

    The end of a figure's name says what it is: `_bytes`, `_seconds`, `_share` (of 1), else a
    whole number, or text as it is.
    """

    text: str
    figures: Mapping[str, Figure | Sentence] = field(default_factory=dict)

    def told(
        self,
        translate: Callable[[str], str] = lambda text: text,
        written: Callable[[str, Figure], str] | None = None,
    ) -> str:
        """The sentence through `translate`, its figures through `written` (name, value)."""
        write = written or english
        return translate(self.text) % {
            name: value.told(translate, write)
            if isinstance(value, Sentence)
            else write(name, value)
            for name, value in self.figures.items()
        }


def english(name: str, value: Figure) -> str:
    """A figure as English writes it: `54,813`, `1.5 MB`, `180 µs`, `12 ms`, `31%`."""
    if isinstance(value, str):
        return value
    if name.endswith("_bytes"):
        return _size(value)
    if name.endswith("_seconds"):
        if 0 < value < 0.0005:
            return f"{value * 1e6:,.0f} µs"
        return f"{value:,.1f} s" if value >= 1 else f"{value * 1000:,.0f} ms"
    if name.endswith("_share"):
        return f"{value:.0%}"
    return f"{value:,.0f}"


def _size(count_bytes: float) -> str:
    value = float(count_bytes)
    for unit in ("B", "kB", "MB"):
        if value < 999.5:
            return f"{value:,.0f} {unit}" if unit == "B" or value >= 9.95 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:,.1f} GB"
