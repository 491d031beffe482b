"""Whether a repr in a message was cut, and by what: the size limit, or the depth of the data."""

from __future__ import annotations

import re
from typing import Any

from worker.metrics.measure import repr_chars

#: Celery ends what it cut with this, and closes the brackets that were open.
_CUT_TAIL = re.compile(r"\.\.\.'?[\])}]*$")
#: A container whose content is deeper than `task_repr_maxlevels`.
_CUT_BY_DEPTH = re.compile(r"[\[({]\.\.\.[\])}]")


def was_cut(text: str, limit: int, value: Any, levels: int | None) -> bool:
    """Whether `text`, the repr of `value`, was cut at `limit` characters when it was sent.

    Three dots may also be part of a text, or mark a cut by depth: only if the end of `text` does
    not tell, the whole repr is counted.
    """
    if "..." not in text:
        return False
    if len(text) >= limit and _CUT_TAIL.search(text[-40:]):
        return True
    return repr_chars(value, levels) > limit


def was_cut_by_depth(text: str) -> bool:
    """Whether something in `text` is left out because it lies too deep."""
    return "..." in text and _CUT_BY_DEPTH.search(text) is not None
