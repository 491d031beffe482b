"""Failures of the family `Object of type … is not JSON serializable`: what, and where."""

from __future__ import annotations

import re
from pathlib import PurePath

from wire.payloads import REFUSED
from wire.text import escape_controls

_NOT_SERIALIZABLE = re.compile(r"Object of type (\w+) is not (?:\w+ )?serializable", re.IGNORECASE)
#: Folders of what is not the application's own code.
_LIBRARIES = ("site-packages", "dist-packages", f"{PurePath('lib')}/python")
MESSAGE_CHARS = 200


def refusal(exception: BaseException) -> dict[str, str] | None:
    """The fields of a `wire.payloads.Finding` about a failure to serialise; None: another one."""
    error: BaseException | None = exception
    for _ in range(5):  # kombu wraps the error of its serialiser
        if error is None:
            return None
        found = _NOT_SERIALIZABLE.search(str(error))
        if found:
            message = escape_controls(str(error))[:MESSAGE_CHARS]
            path = _place(error) or _place(exception)
            return {"kind": REFUSED, "type": found[1], "path": path, "message": message}
        error = error.__cause__ or error.__context__
    return None


def _place(error: BaseException) -> str:
    """The last line of the application's own code that the error went through."""
    place, traceback = "", error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not any(folder in code.co_filename for folder in _LIBRARIES):
            place = f"{PurePath(code.co_filename).name}:{traceback.tb_lineno} {code.co_name}"
        traceback = traceback.tb_next
    return place
