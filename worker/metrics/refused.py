"""Failures of the family `Object of type … is not JSON serializable`: what, and where."""

from __future__ import annotations

import re
import traceback
from pathlib import PurePath
from types import CodeType

from wire.json_errors import explain_json_error
from wire.payloads import REFUSED
from wire.text import escape_controls

_NOT_SERIALIZABLE = re.compile(r"Object of type (\w+) is not (?:\w+ )?serializable", re.IGNORECASE)
#: Folders of what is not the application's own code: libraries, and this one.
_LIBRARIES = (
    "site-packages", "dist-packages", f"{PurePath('lib')}/python", str(PurePath(__file__).parent),
)  # fmt: skip
MESSAGE_CHARS = 200


def refusal(exception: BaseException) -> dict[str, str] | None:
    """The fields of a `wire.payloads.Finding` about a failure to serialise; None: another one."""
    error: BaseException | None = exception
    for _ in range(5):  # kombu wraps the error of its serialiser
        if error is None:
            return None
        text = str(error)
        found = _NOT_SERIALIZABLE.search(text)
        if found or explain_json_error(text):
            message = escape_controls(text)[:MESSAGE_CHARS]
            path = _place(error) or _place(exception)
            type_ = found[1] if found else ""
            return {"kind": REFUSED, "type": type_, "path": path, "message": message}
        error = error.__cause__ or error.__context__
    return None


def caller() -> str:
    """The line of the application's own code that is being executed; "" when there is none."""
    for frame, line in traceback.walk_stack(None):
        if _is_own(frame.f_code):
            return _told(frame.f_code, line)
    return ""


def _place(error: BaseException) -> str:
    """The last line of the application's own code that the error went through."""
    place, step = "", error.__traceback__
    while step is not None:
        if _is_own(step.tb_frame.f_code):
            place = _told(step.tb_frame.f_code, step.tb_lineno)
        step = step.tb_next
    return place


def _is_own(code: CodeType) -> bool:
    return not any(folder in code.co_filename for folder in _LIBRARIES)


def _told(code: CodeType, line: int) -> str:
    return f"{PurePath(code.co_filename).name}:{line} {code.co_name}"
